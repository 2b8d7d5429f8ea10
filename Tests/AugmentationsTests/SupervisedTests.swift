import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

@Suite("Augmentations of supervised training, against torchvision")
struct SupervisedTests {
  private let golden = SupervisedGolden.shared

  @Test("RandAugment has torchvision's operations in its order, and its magnitudes to the last bit")
  func magnitudes() {
    let operations = RandAugment.Operation.allCases
    #expect(golden.magnitudes.count % operations.count == 0)
    for (place, row) in golden.magnitudes.enumerated() {
      let operation = operations[place % operations.count]
      #expect(operation.rawValue == row.operation && operation.isSigned == row.isSigned)
      for (magnitude, value) in row.values.enumerated() {
        // Files keep nine digits: a single-precision number is the nearest to them.
        let own = operation.value(magnitude, of: row.bins, width: row.width, height: row.height)
        #expect(Float(own) == Float(value), "\(row.operation), magnitude \(magnitude) of \(row.bins)")
      }
    }
  }

  @Test("Each of RandAugment's operations equals Pillow's", arguments: RandAugment.Operation.allCases)
  func operations(operation: RandAugment.Operation) throws {
    let cases = golden.cases.filter { $0.operation == operation.rawValue }
    #expect(cases.count >= 5)
    for golden in cases {
      var view = PlanarImage(try Golden.image(golden.input))
      operation.apply(golden.value, to: &view)
      var difference = Difference()
      difference.add(view.image, try golden.result())
      #expect(difference.greatest == 0, "\(golden): \(difference)")
    }
  }

  @Test("Rotations by any angle and the vertical flip equal Pillow's")
  func turns() throws {
    var generator = KeyedGenerator(seed: 0, purpose: .views)
    let flip = try VerticalFlip(parameters: VerticalFlip.defaults)
    for golden in golden.cases where ["turn", "verticalFlip"].contains(golden.operation) {
      var view = PlanarImage(try Golden.image(golden.input))
      if golden.operation == "turn" {
        Rotation.rotate(&view, by: golden.value)
      } else {
        flip.apply(to: &view, using: &generator)
      }
      #expect(try view.image == golden.result(), "\(golden)")
    }
  }

  @Test("An erased rectangle has torchvision's size")
  func erasedSize() {
    #expect(golden.erased.contains { $0.w < $0.width && $0.h < $0.height })
    for row in golden.erased {
      let (w, h) = RandomErasing.size(
        share: row.share, ratio: row.ratio, width: row.width, height: row.height)
      // What does not fit comes back from torchvision as the whole image.
      let fits = w < row.width && h < row.height
      #expect((fits ? w : row.width) == row.w && (fits ? h : row.height) == row.h)
    }
  }

  @Test("Erased levels are 0 after normalisation to within half a level; all others stay")
  func erase() throws {
    let cifar = Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616])
    for normalization in [Normalization.imageNet, cifar] {
      let erasing = try RandomErasing(parameters: RandomErasing.defaults).adapted(to: normalization)
      let before = PlanarImage(noise(width: 32, height: 32))
      var view = before
      let rectangle = PixelRectangle(x: 3, y: 8, width: 11, height: 5)
      RandomErasing.erase(rectangle, of: &view, fill: erasing.fill)
      var rows = [Float](repeating: .nan, count: 3 * view.count)
      rows.withUnsafeMutableBufferPointer { normalization.write(view, patch: 32, into: $0) }
      for (place, value) in rows.enumerated() {
        let (plane, x, y) = (place / 1024, place % 32, place / 32 % 32)
        if (3..<14).contains(x) && (8..<13).contains(y) {
          #expect(abs(Double(value)) <= 0.5 / 255 / normalization.std[plane] + 1e-6)
        } else {
          #expect(view.levels[place] == before.levels[place])
        }
      }
    }
  }

  @Test("Drawn rectangles lie inside, have shares and ratios of the ranges, and are spread over the view")
  func rectangles() throws {
    let erasing = try RandomErasing(parameters: RandomErasing.defaults)
    var lefts: Set<Int> = []
    for key in 0..<500 {
      var generator = KeyedGenerator(seed: 7, purpose: .views, key)
      guard let drawn = erasing.rectangle(width: 96, height: 64, using: &generator) else { continue }
      #expect(drawn.x >= 0 && drawn.y >= 0 && drawn.x + drawn.width <= 96 && drawn.y + drawn.height <= 64)
      let share = Double(drawn.width * drawn.height) / (96 * 64)
      let ratio = Double(drawn.height) / Double(drawn.width)
      // Sides are whole pixels.
      #expect(share > 0.015 && share < 0.35 && ratio > 0.25 && ratio < 4)
      lefts.insert(drawn.x)
    }
    #expect(lefts.count > 50)
  }

  @Test("Values that make no sense are refused by key")
  func refused() {
    func key(_ type: any Augmentation.Type, _ parameters: [String: Double]) -> String? {
      do {
        _ = try type.init(parameters: type.defaults.merging(parameters) { $1 })
        return nil
      } catch {
        return error.key
      }
    }
    #expect(key(RandAugment.self, ["magnitude": 31]) == "magnitude")
    #expect(key(RandAugment.self, ["magnitude": 1.5]) == "magnitude")
    #expect(key(RandAugment.self, ["bins": 1]) == "bins")
    #expect(key(RandAugment.self, ["operations": -1]) == "operations")
    #expect(key(RandomErasing.self, ["minimumArea": 0.5]) == "minimumArea")
    #expect(key(RandomErasing.self, ["maximumRatio": 0.1]) == "minimumRatio")
    #expect(key(Rotation.self, ["minimumDegrees": 45]) == "minimumDegrees")
    #expect(key(RandAugment.self, ["magnitude": 30]) == nil)
  }

  @Test("RandAugment without operations leaves the view")
  func nothing() throws {
    let none = try RandAugment(parameters: RandAugment.defaults.merging(["operations": 0]) { $1 })
    var view = PlanarImage(noise(width: 20, height: 20))
    let before = view.levels
    var generator = KeyedGenerator(seed: 1, purpose: .views)
    none.apply(to: &view, using: &generator)
    #expect(view.levels == before)
  }

  @Test("The supervised recipe is torchvision's preset with RandAugment and erasing")
  func recipe() throws {
    let recipe = try Recipe(contentsOf: recipes.appending(path: "supervised.yaml").path)
    #expect(recipe.interpolation == .bilinear && recipe.views.count == 1)
    #expect(recipe.views[0].count == 1 && recipe.views[0].side == 224)
    #expect(recipe.views[0].area == .init(0.08, 1))
    #expect(
      recipe.views[0].augmentations == [
        .init("flip", ["probability": 0.5]),
        .init("randaugment", ["probability": 1, "operations": 2, "magnitude": 9, "bins": 31]),
        .init(
          "erasing",
          [
            "probability": 0.1, "minimumArea": 0.02, "maximumArea": 0.33, "minimumRatio": 0.3,
            "maximumRatio": 3.3,
          ]),
      ])
  }
}
