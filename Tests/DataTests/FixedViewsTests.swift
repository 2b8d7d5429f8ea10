import EmanateAugmentations
import EmanateData
import EmanateImages
import Foundation
import Testing

@Suite struct FixedViewsTests {
  /// The views of each image in each of four epochs, by its name.
  private func views(_ folder: ImageFolder, fixed: Int?, seed: UInt64) throws -> [String: [[Float]]] {
    var options = Loader.Options()
    options.fixedViews = fixed
    let maker = try MultiCrop(Recipe(views: [.init(count: 1, side: 8, area: .init(0.2, 1))]))
    let loader = try Loader(
      folder: folder, maker: maker, patch: 8, batchSize: folder.count, seed: seed, steps: 0..<4,
      options: options)
    var found: [String: [[Float]]] = [:]
    while let batch = try loader.next() {
      let (rows, length) = (batch.groups[0].patches.array, 3 * 8 * 8)
      for (slot, sample) in batch.samples.enumerated() {
        found[folder.entries[sample].relativePath, default: []].append(
          Array(rows[slot * length..<(slot + 1) * length]))
      }
    }
    return found
  }

  @Test func `epochs take fixed views in turn, the same for every seed and every part of a folder`() throws {
    let temporary = try TemporaryFolder()
    for number in 0..<6 {
      let pixels = (0..<20 * 20 * 3).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0 &* $0) }
      try temporary.write(
        PNGEncoder().encode(Image(width: 20, height: 20, pixels: pixels)), to: "\(number).png")
    }
    let folder = try ImageFolder(temporary.root)
    let two = try views(folder, fixed: 2, seed: 1)
    for (name, epochs) in two {
      #expect(epochs[0] == epochs[2] && epochs[1] == epochs[3] && epochs[0] != epochs[1], "\(name)")
    }
    #expect(try views(folder, fixed: 2, seed: 9) == two)
    let part = try views(folder.selecting([4, 1, 5]), fixed: 2, seed: 3)
    #expect(part.count == 3 && part.allSatisfy { two[$0.key] == $0.value })
    let three = try views(folder, fixed: 3, seed: 1)
    #expect(three.allSatisfy { $0.value[0] == two[$0.key]![0] && $0.value[0] == $0.value[3] })

    let free = try views(folder, fixed: nil, seed: 1)
    #expect(free.allSatisfy { $0.value[0] != $0.value[2] })
    #expect(try views(folder, fixed: nil, seed: 9) != free)
  }
}
