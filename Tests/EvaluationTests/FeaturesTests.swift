import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateKernels
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct FeaturesTests {
  private let network = FeatureSource.network(
    FrozenNetwork(
      random: VisionTransformerSizes(width: 32, depth: 2, heads: 2, patch: 4, side: 16), side: 16,
      preparation: .imageNet, seed: 1))

  @Test("Rows follow the bytes of the relative paths, and a broken file has none but is listed")
  func order() throws {
    let folder = try TemporaryFolder()
    try folder.writeImages(["b/2.png", "a/10.png", "a/9.png", "B/1.png"])
    try Data("no image".utf8).write(to: URL(filePath: folder.place("a/broken.png")))
    let features = try Features(of: ImageFolder(folder.path), by: network, batchSize: 2)
    #expect(features.folder.entries.map(\.relativePath) == ["B/1.png", "a/10.png", "a/9.png", "b/2.png"])
    #expect(features.rows.shape == [4, 32])
    #expect(features.skipped.map(\.relativePath) == ["a/broken.png"])
    let alone = try Features(of: features.folder.selecting([2]), by: network)
    let difference = zip(alone.rows.array, features.rows[rows: 2..<3].array).map { abs($0 - $1) }.max()!
    #expect(difference < 1e-5)
  }

  @Test("Raw pixels are levels 0...1 of the prepared image, red, green, blue")
  func pixels() throws {
    let folder = try TemporaryFolder()
    let image = Image(width: 20, height: 30, pixels: (0..<600).flatMap { _ in [UInt8(255), 51, 0] })
    try PNGEncoder().write(image, to: folder.place("a.png"))
    let features = try Features(of: ImageFolder(folder.path), by: .pixels(side: 5))
    #expect(features.rows.shape == [1, 75])
    let planes = [1, 0.2, 0].flatMap { level in [Float](repeating: level, count: 25) }
    #expect(zip(features.rows.array, planes).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("Files are decoded as the source says: alpha over a background is the picture with that background")
  func alpha() throws {
    let (folder, flat) = (try TemporaryFolder(), try TemporaryFolder())
    let picture = repositoryRoot().appending(path: "Tests/Golden/images/png-color6-depth8.png")
    try FileManager.default.copyItem(at: picture, to: URL(filePath: folder.place("a.png")))
    let decoder = ImageDecoder(alpha: .over(.white))
    let image = try decoder.decode(contentsOf: picture.path)
    try PNGEncoder().write(image, to: flat.place("a.png"))
    let over = try Features(of: ImageFolder(folder.path), by: .pixels(side: 5, decoder: decoder))
    #expect(over.rows.array == (try Features(of: ImageFolder(flat.path), by: .pixels(side: 5)).rows.array))
    #expect(over.rows.array != (try Features(of: ImageFolder(folder.path), by: .pixels(side: 5)).rows.array))
  }

  @Test("Features are the same for 1, 2 and 3 threads")
  func threads() throws {
    let folder = try TemporaryFolder()
    try folder.writeImages((0..<30).map { "\($0).png" })
    let runs = try [1, 2, 3].map { threads in
      try withThreads(threads) {
        try Features(of: ImageFolder(folder.path), by: network, batchSize: 8).rows.array
      }
    }
    #expect(runs[0] == runs[1] && runs[0] == runs[2])
  }

  @Test("A folder where nothing can be decoded, and rows past the memory, are errors that say so")
  func refusals() throws {
    let folder = try TemporaryFolder()
    try Data("no image".utf8).write(to: URL(filePath: folder.place("a.png")))
    #expect(throws: FeaturesError.self) { try Features(of: ImageFolder(folder.path), by: network) }
    #expect(throws: FeaturesError.self) {
      try Features(of: ImageFolder(folder.path), by: .pixels(side: 1 << 20))
    }
  }
}
