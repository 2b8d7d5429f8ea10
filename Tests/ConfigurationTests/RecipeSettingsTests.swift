import EmanateAugmentations
import EmanateConfiguration
import Foundation
import Testing

@Suite("Recipes in configurations")
struct RecipeSettingsTests {
  @Test("Without overrides a recipe is as its file has it", arguments: Resource.names(in: .recipes))
  func plain(name: String) throws {
    let configuration = try ExperimentConfiguration.load(overrides: ["data.recipe=\(name)"])
    let text = try #require(Resource.text(named: name, in: .recipes))
    #expect(try configuration.data.resolvedRecipe() == Recipe(yaml: text, file: name))
  }

  @Test("Sides, areas and the number of local views are replaced")
  func overrides() throws {
    let recipe = try ExperimentConfiguration.load(overrides: [
      "data.views.globalSide=112", "data.views.globalArea=[0.25, 1]", "data.views.locals=10",
      "data.views.localSide=48", "data.views.localArea=[0.05, 0.25]",
    ]).data.resolvedRecipe()
    #expect(recipe.views.map(\.count) == [1, 1, 10])
    #expect(recipe.views.map(\.side) == [112, 112, 48])
    #expect(recipe.views.map(\.area.low) == [0.25, 0.25, 0.05])
    let global = try ExperimentConfiguration.load(overrides: ["data.views.locals=0"]).data.resolvedRecipe()
    #expect(global.views.map(\.count) == [1, 1])
  }

  @Test("Each recipe and configuration says in its first line what it is for")
  func summaries() {
    for folder in [Resource.Folder.recipes, .configs] {
      for name in Resource.names(in: folder) {
        let summary = Resource.summary(of: name, in: folder)
        #expect(!summary.isEmpty && summary.count <= 110 && !summary.hasSuffix("."), "\(name)")
      }
    }
  }

  @Test(
    "A side that is no multiple of the patch is refused, with the recipe, the side and the patch",
    arguments: [("dino", 14, 96), ("solo-cifar10", 14, 32), ("dino-small", 16, 28)])
  func patch(name: String, patch: Int, side: Int) throws {
    let configuration = try ExperimentConfiguration.load(
      overrides: ["data.recipe=\(name)", "network.patch=\(patch)"])
    do throws(ConfigurationError) {
      _ = try configuration.resolvedRecipe()
      Issue.record("accepted")
    } catch {
      for part in ["`\(name)`", "side \(side)", ", \(patch);"] { #expect(error.description.contains(part)) }
    }
  }

  @Test("An unknown recipe is refused with what names the embedded ones")
  func unknown() throws {
    let configuration = try ExperimentConfiguration.load(overrides: ["data.recipe=dinosaur"])
    do throws(ConfigurationError) {
      _ = try configuration.data.resolvedRecipe()
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains("emanate list recipes"))
    }
  }

  @Test("The embedded sample is a folder of gzipped IDX files with their licence")
  func sample() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Resource.writeFashionMNISTSample(into: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count == 5 && names.contains("LICENSE") && names.contains("t10k-labels-idx1-ubyte.gz"))
  }
}
