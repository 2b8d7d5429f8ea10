import EmanateData
import EmanateImages
import Foundation
import Testing

private func integer(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }

private func images(_ count: Int) -> [UInt8] {
  integer(0x803) + integer(count) + integer(2) + integer(3)
    + (0..<count * 6).map { UInt8(truncatingIfNeeded: $0 * 5) }
}

private func labels(_ labels: [UInt8]) -> [UInt8] { integer(0x801) + integer(labels.count) + labels }

private func makeSource(_ train: [UInt8], _ test: [UInt8]) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  try folder.write(images(train.count), to: "train-images-idx3-ubyte")
  try folder.write(labels(train), to: "train-labels-idx1-ubyte")
  try folder.write(images(test.count), to: "t10k-images-idx3-ubyte")
  try folder.write(labels(test), to: "t10k-labels-idx1-ubyte")
  return folder
}

@Suite struct FashionMNISTTests {
  @Test func `IDX files become labelled folders with the same levels`() throws {
    let source = try makeSource([9, 0, 0, 3], [1, 9])
    let out = try TemporaryFolder()
    let counts = try FashionMNIST(source: source.root).write(to: out.path("data"))
    #expect(counts.train == 4)
    #expect(counts.test == 2)
    let train = try ImageFolder(out.path("data/train"))
    #expect(
      train.entries.map(\.relativePath)
        == ["Ankle-boot/00001.png", "Dress/00004.png", "T-shirt-top/00002.png", "T-shirt-top/00003.png"])
    #expect(try ImageFolder(out.path("data/test")).classes == ["Ankle-boot", "Trouser"])
    for entry in train.entries {
      let number = Int(entry.relativePath.suffix(9).prefix(5))! - 1
      let levels = (number * 6..<number * 6 + 6).map { UInt8(truncatingIfNeeded: $0 * 5) }
      let image = try ImageDecoder().decode(contentsOf: entry.path)
      #expect(image == Image(width: 3, height: 2, pixels: levels.flatMap { [$0, $0, $0] }))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: out.root) == ["data"])
  }

  @Test func `A limit holds for each part`() throws {
    let source = try makeSource([9, 0, 0, 3], [1, 9])
    let out = try TemporaryFolder()
    // Into an empty folder that is there already.
    let counts = try FashionMNIST(source: source.root).write(to: out.root + "/", limit: 1)
    #expect(counts.train == 1)
    #expect(counts.test == 1)
    let written = try ImageFolder(out.root).entries.map(\.relativePath)
    #expect(written == ["test/Trouser/00001.png", "train/Ankle-boot/00001.png"])
  }

  @Test func `A folder that holds something is refused and left as it was`() throws {
    let source = try makeSource([9], [1])
    let out = try TemporaryFolder()
    try out.write([1], to: "mine")
    let data = try FashionMNIST(source: source.root)
    #expect(throws: FolderWritingError.self) { try data.write(to: out.root) }
    #expect(throws: FolderWritingError.self) { try data.write(to: out.path("mine")) }
    #expect(throws: FolderWritingError.self) { try data.write(to: out.path("no/parent")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: out.root) == ["mine"])
  }

  @Test func `Damaged IDX files are errors that name the file`() throws {
    let good = images(2)
    let stub: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1]
    let cases: [(file: String, bytes: [UInt8], reason: String)] = [
      ("train-images-idx3-ubyte", Array(good.dropLast()), "holds 11 elements; its header says 12"),
      ("train-images-idx3-ubyte", good + [0], "holds 13 elements; its header says 12"),
      ("train-images-idx3-ubyte", Array(good.prefix(9)), "9 bytes are too short for an IDX header"),
      ("train-images-idx3-ubyte", integer(0x801) + good[4...], "begins with 0x801, not with 0x803"),
      ("t10k-labels-idx1-ubyte", labels([0]), "1 labels for 2 images"),
      ("t10k-labels-idx1-ubyte", labels([0, 10]), "label 10 is not in 0...9"),
      ("t10k-images-idx3-ubyte.gz", stub, "the compressed data end too early"),
    ]
    for (file, bytes, reason) in cases {
      let folder = try makeSource([1, 2], [3, 4])
      try folder.write(bytes, to: file)
      let error = #expect(throws: IDXError.self) { try FashionMNIST(source: folder.root) }
      #expect(error?.path == folder.path(file))
      #expect(error?.reason == reason)
    }
    #expect(throws: IDXError.self) { try FashionMNIST(source: "/no/such/folder") }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: FashionMNIST.defaultSource)))
  func `The installed data set is read`() throws {
    let data = try FashionMNIST()
    #expect(data.train.count == 60_000)
    #expect(data.test.count == 10_000)
    #expect(data.train.images.sizes == [60_000, 28, 28])
    #expect(data.train.labels.prefix(5) == [9, 0, 0, 3, 0])
  }
}
