import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Foundation
import Testing

let recipes = URL(filePath: #filePath).deletingLastPathComponent().appending(
  path: "../../augmentations/recipes"
)
.standardized

/// The files of all recipes.
func recipeNames() -> [String] {
  (try! FileManager.default.contentsOfDirectory(atPath: recipes.path)).filter { $0.hasSuffix(".yaml") }
    .sorted()
}

@Suite("Multi-crop")
struct MultiCropTests {
  private func recipe(_ name: String) throws -> Recipe {
    try Recipe(contentsOf: recipes.appending(path: name).path)
  }

  @Test("DINO's recipe makes two views of 224 and eight of 96, with the published parameters")
  func published() throws {
    let recipe = try recipe("dino.yaml")
    let crops = try MultiCrop(recipe)
    #expect(crops.groups == [ViewGroupShape(views: 2, side: 224), ViewGroupShape(views: 8, side: 96)])
    #expect(crops.viewCount == 10 && crops.side(ofView: 9) == 96)
    #expect(recipe.interpolation == .bicubic)
    #expect(recipe.mean == [0.485, 0.456, 0.406] && recipe.std == [0.229, 0.224, 0.225])
    let probabilities = recipe.views.map { $0.augmentations.map { $0.parameters["probability"] } }
    #expect(probabilities == [[0.5, 0.8, 0.2, 1.0], [0.5, 0.8, 0.2, 0.1, 0.2], [0.5, 0.8, 0.2, 0.5]])
    #expect(recipe.views.map(\.area) == [.init(0.4, 1), .init(0.4, 1), .init(0.05, 0.4)])
    for group in recipe.views {
      #expect(group.ratio == .init(3.0 / 4, 4.0 / 3))
      #expect(
        group.augmentations[1].parameters
          == ["probability": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1])
      #expect(group.augmentations[3].parameters["minimumRadius"] == 0.1)
      #expect(group.augmentations[3].parameters["maximumRadius"] == 2)
    }
  }

  @Test("Each shipped recipe makes views that patches of four pixels divide")
  func shipped() throws {
    for name in recipeNames() {
      let crops = try MultiCrop(recipe(name))
      for (width, height) in [(28, 28), (1, 1), (61, 5)] {
        let image = noise(width: width, height: height)
        for view in 0..<crops.viewCount {
          var rows = [Float](repeating: .nan, count: crops.valueCount(ofView: view))
          rows.withUnsafeMutableBufferPointer {
            crops.write(view: view, of: .pixels(image), seed: 0, epoch: 0, sample: 0, patch: 4, into: $0)
          }
          #expect(rows.allSatisfy { $0.isFinite })
        }
      }
    }
  }

  @Test("One view, all views and the image of a view agree; seed, epoch, sample and view all matter")
  func agreement() throws {
    let crops = try MultiCrop(recipe("dino-small.yaml"))
    let image = noise(width: 40, height: 30)
    func rows(_ view: Int, seed: UInt64 = 1, epoch: Int = 2, sample: Int = 3) -> [Float] {
      var rows = [Float](repeating: .nan, count: crops.valueCount(ofView: view))
      rows.withUnsafeMutableBufferPointer {
        crops.write(
          view: view, of: .pixels(image), seed: seed, epoch: epoch, sample: sample, patch: 4, into: $0)
      }
      return rows
    }
    var workspace = ViewWorkspace()
    for view in 0..<crops.viewCount {
      var together: [[Float]] = (0..<crops.viewCount).map {
        [Float](repeating: .nan, count: crops.valueCount(ofView: $0))
      }
      let places = together.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: $0.count) }
      crops.writeAll(of: .pixels(image), seed: 1, epoch: 2, sample: 3, patch: 4, using: &workspace) {
        places[$0]
      }
      for index in together.indices {
        together[index] = Array(places[index])
        places[index].deallocate()
      }
      #expect(rows(view) == together[view])

      var packed = [Float](repeating: .nan, count: crops.valueCount(ofView: view))
      packed.withUnsafeMutableBufferPointer {
        crops.normalization.write(
          PlanarImage(crops.view(view, of: .pixels(image), seed: 1, epoch: 2, sample: 3)), patch: 4, into: $0)
      }
      #expect(rows(view) == packed)
    }
    #expect(rows(0) != rows(0, seed: 2))
    #expect(rows(0) != rows(0, epoch: 3))
    #expect(rows(0) != rows(0, sample: 4))
    #expect(rows(2) != rows(3))
  }

  @Test("Views are the same from one, two and three threads")
  func threads() async throws {
    let crops = try MultiCrop(recipe("dino-small.yaml"))
    let images = (0..<12).map { noise(width: 30 + $0, height: 41 - $0, seed: UInt64($0)) }
    func views(threads: Int) async -> [Int: Image] {
      await withTaskGroup(of: [(Int, Image)].self) { group in
        for thread in 0..<threads {
          group.addTask {
            stride(from: thread, to: images.count, by: threads).map {
              ($0, crops.view($0 % 3, of: .pixels(images[$0]), seed: 5, epoch: 0, sample: $0))
            }
          }
        }
        return await group.reduce(into: [:]) { all, some in for (sample, view) in some { all[sample] = view }
        }
      }
    }
    let one = await views(threads: 1)
    let two = await views(threads: 2)
    let three = await views(threads: 3)
    #expect(one.count == images.count)
    #expect(two == one)
    #expect(three == one)
  }
}
