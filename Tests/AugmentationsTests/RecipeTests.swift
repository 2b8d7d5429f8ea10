import EmanateAugmentations
import EmanateImages
import Foundation
import Testing

@Suite("Recipes")
struct RecipeTests {
  private let views = "views:\n  - {count: 2, side: 28, area: [0.4, 1.0]"

  private func message(_ yaml: String) -> String {
    do {
      _ = try Recipe(yaml: yaml, file: "r.yaml")
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test("A recipe written as YAML reads back equal", arguments: recipeNames())
  func roundTrip(name: String) throws {
    let recipe = try Recipe(contentsOf: recipes.appending(path: name).path)
    let copy = try Recipe(yaml: recipe.yaml, file: "copy")
    #expect(copy == recipe)
    let coded = try JSONDecoder().decode(Recipe.self, from: JSONEncoder().encode(recipe))
    #expect(coded == recipe)
  }

  @Test("What is left out has its default")
  func defaults() throws {
    let recipe = try Recipe(
      yaml: views + ", augmentations: [flip, {blur: {probability: 0.1}}]}", file: "r.yaml")
    #expect(recipe.interpolation == .bicubic && recipe.mean == Normalization.imageNet.mean)
    #expect(recipe.views[0].ratio == .init(3.0 / 4, 4.0 / 3))
    #expect(recipe.preparation == .imageNet && recipe.evaluationCrop == 0.875)
    #expect(recipe.views[0].augmentations == [.init("flip"), .init("blur", ["probability": 0.1])])
    _ = try MultiCrop(recipe)
  }

  @Test("An unknown key is refused with the file, its path and the nearest known key")
  func unknownKey() {
    #expect(
      message("interpolaton: bicubic\n" + views + "}")
        == "r.yaml: unknown key 'interpolaton'; did you mean 'interpolation'?")
    #expect(message(views + ", sides: 3}") == "r.yaml: unknown key 'views[0].sides'; did you mean 'side'?")
    #expect(
      message(views + ", augmentations: [{jitter: {hues: 0.1}}]}")
        == "r.yaml: unknown key 'views[0].augmentations[0].jitter.hues'; did you mean 'hue'?")
  }

  @Test("An unknown augmentation is refused with the nearest name and all names")
  func unknownAugmentation() {
    let message = message(views + ", augmentations: [{blurr: {probability: 1}}]}")
    #expect(
      message.hasPrefix(
        "r.yaml: unknown augmentation 'blurr' at 'views[0].augmentations[0]'; did you mean 'blur'?"))
    #expect(message.contains("solarize"))
  }

  @Test("A value that makes no sense is refused with its key and what it must be")
  func invalid() {
    for crop in ["0", "1.01", "-1"] {
      #expect(
        message("evaluationCrop: \(crop)\n" + views + "}").contains(
          "'evaluationCrop' must be above 0, at most 1"))
    }
    #expect(message("views: []") == "r.yaml: 'views' must be one group with a view or more")
    #expect(message("views:\n  - {count: 1, side: 28}") == "r.yaml: 'views[0]' must be given with 'area'")
    #expect(
      message("views:\n  - {count: 1, side: x, area: [0.1, 1]}")
        == "r.yaml: 'views[0].side' must be a whole number")
    #expect(
      message("views:\n  - {count: 1, side: 8, area: [0.5, 1.5]}")
        == "r.yaml: 'views[0].area' must be two numbers with 0 < low <= high <= 1")
    #expect(
      message("interpolation: cubic\n" + views + "}") == "r.yaml: 'interpolation' must be bicubic or bilinear"
    )
    #expect(
      message(views + ", augmentations: [{blur: {probability: 2}}]}")
        == "r.yaml: 'views[0].augmentations[0].blur.probability' must be between 0.0 and 1.0")
    #expect(message("std: [1, 1, 0]\n" + views + "}") == "r.yaml: 'std' must be three numbers above 0")
    #expect(throws: RecipeError.self) { try Recipe(contentsOf: "/nowhere/recipe.yaml") }
    for (count, side, key) in [
      (65, 8, "views[0].count"), (-1, 8, "views[0].count"), (1, 4097, "views[0].side"),
      (1, 0, "views[0].side"),
    ] {
      let text = message(
        "views:\n  - {count: \(count), side: \(side), area: [0.5, 1]}\n  - {count: 1, side: 8, area: [0.5, 1]}"
      )
      #expect(text.contains("'\(key)' must be from"), "\(text)")
    }
    var recipe = Recipe(views: [.init(count: 1, side: 8, area: .init(0.5, 1))])
    recipe.views[0].area = .init(1, 0.5)
    #expect(throws: RecipeError.self) { try MultiCrop(recipe) }
  }
}
