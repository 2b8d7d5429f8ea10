import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

/// One group of views as its source has it, typed in again from there.
private struct Published: Sendable {
  let count, side: Int
  let area: [Double]
  /// Probabilities in the order of application.
  let order: [String]
  let probabilities: [Double]
}

/// Every recipe that stands for somebody's code: its filter, mean, deviation and views.
private struct PublishedRecipe: Sendable, CustomTestStringConvertible {
  let name: String
  var filter = ResamplingFilter.bicubic
  var mean = [0.485, 0.456, 0.406]
  var std = [0.229, 0.224, 0.225]
  let views: [Published]
  var testDescription: String { name }

  private static let usual = ["flip", "jitter", "grayscale", "blur"]

  /// Two global views that differ in blur and solarization, and local ones.
  private static func asymmetric(
    _ name: String, filter: ResamplingFilter = .bicubic, from: Double, locals: Int = 0,
    localArea: [Double] = []
  ) -> Self {
    var views = [
      Published(count: 1, side: 224, area: [from, 1], order: usual, probabilities: [0.5, 0.8, 0.2, 1]),
      Published(
        count: 1, side: 224, area: [from, 1], order: usual + ["solarize"],
        probabilities: [0.5, 0.8, 0.2, 0.1, 0.2]),
    ]
    if locals > 0 {
      views.append(
        Published(
          count: locals, side: 96, area: localArea, order: usual, probabilities: [0.5, 0.8, 0.2, 0.5]))
    }
    return Self(name: name, filter: filter, views: views)
  }

  private static func cifar(_ name: String, mean: [Double], std: [Double]) -> Self {
    Self(
      name: name, mean: mean, std: std,
      views: [
        Published(
          count: 1, side: 32, area: [0.08, 1], order: ["jitter", "grayscale", "flip"],
          probabilities: [0.8, 0.2, 0.5]),
        Published(
          count: 1, side: 32, area: [0.08, 1], order: ["jitter", "grayscale", "solarize", "flip"],
          probabilities: [0.8, 0.2, 0.2, 0.5]),
      ])
  }

  static let all = [
    asymmetric("byol", from: 0.08),
    asymmetric("dino", from: 0.4, locals: 8, localArea: [0.05, 0.4]),
    asymmetric("dinov2", from: 0.32, locals: 8, localArea: [0.05, 0.32]),
    asymmetric("lightly-byol", filter: .bilinear, from: 0.08),
    asymmetric("lightly-dino", from: 0.4, locals: 6, localArea: [0.05, 0.4]),
    asymmetric("lightly-train-dino", from: 0.14, locals: 6, localArea: [0.05, 0.14]),
    cifar("solo-cifar10", mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616]),
    cifar("solo-cifar100", mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762]),
    Self(
      name: "solo-imagenet100",
      views: [
        Published(
          count: 1, side: 224, area: [0.08, 1], order: ["jitter", "grayscale", "blur", "flip"],
          probabilities: [0.8, 0.2, 1, 0.5]),
        Published(
          count: 1, side: 224, area: [0.08, 1], order: ["jitter", "grayscale", "blur", "solarize", "flip"],
          probabilities: [0.8, 0.2, 0.1, 0.2, 0.5]),
      ]),
  ]
}

@Suite("Published recipes")
struct PublishedRecipesTests {
  @Test("A recipe holds the values of its source", arguments: PublishedRecipe.all)
  private func values(published: PublishedRecipe) throws {
    let recipe = try Recipe(contentsOf: recipes.appending(path: published.name + ".yaml").path)
    #expect(recipe.interpolation == published.filter)
    #expect(recipe.mean == published.mean && recipe.std == published.std)
    try #require(recipe.views.count == published.views.count)
    for (group, source) in zip(recipe.views, published.views) {
      #expect(group.count == source.count && group.side == source.side)
      #expect(group.area == .init(source.area[0], source.area[1]))
      #expect(group.ratio == .init(3.0 / 4, 4.0 / 3))
      #expect(group.augmentations.map(\.name) == source.order)
      for (augmentation, probability) in zip(group.augmentations, source.probabilities) {
        var expected = ["probability": probability]
        switch augmentation.name {
        case "jitter":
          expected.merge(["brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1]) { $1 }
        case "blur": expected.merge(["minimumRadius": 0.1, "maximumRadius": 2]) { $1 }
        case "solarize": expected["threshold"] = 128
        default: break
        }
        #expect(augmentation.parameters == expected)
      }
    }
    // The first group of equal side is the global one: two views in each of these recipes.
    let crops = try MultiCrop(recipe)
    #expect(crops.groups[0].views == 2)
    #expect(crops.groups.count == (published.views.count == 3 ? 2 : 1))
  }

  @Test("A recipe makes its views, of finite values, patch by patch", arguments: recipeNames())
  func views(name: String) throws {
    let crops = try MultiCrop(Recipe(contentsOf: recipes.appending(path: name).path))
    let image = noise(width: 91, height: 64)
    for view in 0..<crops.viewCount {
      var rows = [Float](repeating: .nan, count: crops.valueCount(ofView: view))
      rows.withUnsafeMutableBufferPointer {
        crops.write(view: view, of: .pixels(image), seed: 3, epoch: 0, sample: 0, patch: 4, into: $0)
      }
      #expect(rows.allSatisfy { $0.isFinite })
      #expect(rows.contains { $0 != rows[0] })
    }
  }
}
