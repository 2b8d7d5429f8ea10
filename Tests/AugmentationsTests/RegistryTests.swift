import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

/// A picture with all levels, of any size.
func noise(width: Int, height: Int, seed: UInt64 = 0) -> Image {
  var generator = KeyedGenerator(seed: seed, purpose: .probe)
  return Image(
    width: width, height: height,
    pixels: (0..<3 * width * height).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
}

@Suite("Every augmentation in the registry")
struct RegistryTests {
  @Test("Names are unique, and the defaults make an augmentation whose probability they hold")
  func names() throws {
    let names = AugmentationRegistry.all.map { $0.name }
    #expect(Set(names).count == names.count)
    for type in AugmentationRegistry.all {
      #expect(AugmentationRegistry.type(named: type.name) == type)
      let augmentation = try type.init(parameters: type.defaults)
      #expect(augmentation.probability == type.defaults["probability"])
    }
  }

  @Test(
    "Keeps the size and is a function of the view and the key",
    arguments: [(1, 1), (1, 9), (33, 2), (40, 57)])
  func determinism(width: Int, height: Int) throws {
    for type in AugmentationRegistry.all {
      let augmentation = try type.init(parameters: type.defaults)
      let view = PlanarImage(noise(width: width, height: height))
      for key in 0..<8 {
        var results: [PlanarImage] = []
        for _ in 0..<2 {
          var result = view
          var generator = KeyedGenerator(seed: 1, purpose: .views, key)
          augmentation.apply(to: &result, using: &generator)
          #expect(
            result.width == width && result.height == height && result.levels.count == 3 * width * height)
          results.append(result)
        }
        #expect(results[0].levels == results[1].levels, "\(type.name)")
      }
    }
  }

  @Test("Is applied as often as its probability says", arguments: [0.0, 0.1, 0.5, 0.8, 1.0])
  func rate(probability: Double) throws {
    let keys = 4000
    for type in AugmentationRegistry.all {
      let augmentation = try type.init(parameters: type.defaults.merging(["probability": probability]) { $1 })
      var view = PlanarImage(noise(width: 2, height: 2))
      var applied = 0
      for key in 0..<keys {
        var generator = KeyedGenerator(seed: 2, purpose: .views, key)
        applied += augmentation(&view, using: &generator) ? 1 : 0
      }
      // Four standard deviations of a binomial count
      let bound = 4 * (Double(keys) * probability * (1 - probability)).squareRoot()
      #expect(
        abs(Double(applied) - Double(keys) * probability) <= bound, "\(type.name): \(applied) of \(keys)")
    }
  }

  @Test("Refuses a probability outside 0...1")
  func probability() {
    for type in AugmentationRegistry.all {
      for value in [-0.1, 1.1, .nan] {
        #expect(throws: InvalidParameter.self) {
          try type.init(parameters: type.defaults.merging(["probability": value]) { $1 })
        }
      }
    }
  }
}
