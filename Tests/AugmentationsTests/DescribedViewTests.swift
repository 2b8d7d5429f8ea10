import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

@Suite("Views that say how they came about")
struct DescribedViewTests {
  @Test("A described view is the very view that training sees", arguments: recipeNames())
  func same(name: String) throws {
    let crops = try MultiCrop(Recipe(contentsOf: recipes.appending(path: name).path))
    let image = noise(width: 75, height: 52)
    for view in 0..<crops.viewCount {
      for sample in 0..<3 {
        let described = crops.describedView(view, of: .pixels(image), seed: 4, epoch: 1, sample: sample)
        var rows = [Float](repeating: .nan, count: crops.valueCount(ofView: view))
        rows.withUnsafeMutableBufferPointer {
          crops.write(view: view, of: .pixels(image), seed: 4, epoch: 1, sample: sample, patch: 4, into: $0)
        }
        var own = rows
        own.withUnsafeMutableBufferPointer {
          crops.normalization.write(PlanarImage(described.image), patch: 4, into: $0)
        }
        #expect(own == rows)
        #expect(described.crop.x >= 0 && described.crop.x + described.crop.width <= 75)
        #expect(described.crop.y >= 0 && described.crop.y + described.crop.height <= 52)
      }
    }
  }

  @Test("The notes can be followed by hand to the same view")
  func followed() throws {
    let recipe = Recipe(
      views: [
        .init(
          count: 1, side: 24, area: .init(0.2, 1),
          augmentations: [
            .init("flip", ["probability": 1]), .init("grayscale", ["probability": 1]),
            .init("solarize", ["probability": 1, "threshold": 96]),
          ])
      ])
    let image = noise(width: 50, height: 40)
    let view = try MultiCrop(recipe).describedView(0, of: .pixels(image), seed: 0, epoch: 0, sample: 9)
    #expect(view.applied == ["flip", "grayscale", "solarize 96"])
    var expected = PlanarImage(image.cropped(to: view.crop).resized(width: 24, height: 24))
    var generator = KeyedGenerator(seed: 0, purpose: .views)
    try HorizontalFlip(parameters: HorizontalFlip.defaults).apply(to: &expected, using: &generator)
    try Grayscale(parameters: Grayscale.defaults).apply(to: &expected, using: &generator)
    Solarize.solarize(&expected, threshold: 96)
    #expect(view.image == expected.image)
  }

  @Test("Each augmentation notes what it does, once it is asked, and nothing otherwise")
  func notes() throws {
    for type in AugmentationRegistry.all {
      let augmentation = try type.init(parameters: type.defaults)
      for asked in [true, false] {
        var view = PlanarImage(noise(width: 40, height: 40))
        if asked { view.notes = [] }
        var generator = KeyedGenerator(seed: 3, purpose: .views, 2)
        augmentation.apply(to: &view, using: &generator)
        if asked {
          #expect(try #require(view.notes).isEmpty == false, "\(type.name)")
        } else {
          #expect(view.notes == nil, "\(type.name)")
        }
      }
    }
  }

  @Test("Values stand in the notes with two digits at most")
  func numbers() throws {
    let blur = try GaussianBlur(
      parameters: ["probability": 1, "minimumRadius": 1.5, "maximumRadius": 1.5])
    let tilt = try Rotation(parameters: [
      "probability": 1, "minimumDegrees": -0.304, "maximumDegrees": -0.304,
    ])
    let jitter = try ColorJitter(
      parameters: ["probability": 1, "brightness": 0, "contrast": 0, "saturation": 0, "hue": 0.1])
    var view = PlanarImage(noise(width: 9, height: 9))
    view.notes = []
    var generator = KeyedGenerator(seed: 0, purpose: .views)
    for augmentation in [blur, tilt, jitter] as [any Augmentation] {
      augmentation.apply(to: &view, using: &generator)
    }
    let notes = try #require(view.notes)
    #expect(notes.count == 3 && notes[0] == "blur 1.5" && notes[1] == "rotate -.3")
    #expect(notes[2].wholeMatch(of: /hue -?(0|\.\d\d?)/) != nil)
  }
}
