import EmanateData
import Foundation
import Testing

@Suite struct ImageFolderTests {
  @Test func `Images are listed in byte order of their paths and the first level names the class`() throws {
    let folder = try TemporaryFolder()
    let names = ["b/z.png", "a/2.JPG", "a/10.jpeg", "Z/x.PnG", "b/deep/er/y.png", "é/ü.png", "top.png"]
    for name in names { try folder.write([1, 2, 3], to: name) }
    for name in [".hidden.png", ".dir/x.png", "a/readme.txt", "a/png", "b/archive.png.gz"] {
      try folder.write([0], to: name)
    }
    let images = try ImageFolder(folder.root)
    #expect(
      images.entries.map(\.relativePath) == [
        "Z/x.PnG", "a/10.jpeg", "a/2.JPG", "b/deep/er/y.png", "b/z.png", "top.png", "é/ü.png",
      ])
    #expect(images.classes == ["Z", "a", "b", "é"])
    #expect(images.entries.map(\.classIndex) == [0, 1, 1, 2, 2, nil, 3])
    #expect(images.entries[0].path == folder.path("Z/x.PnG"))
    #expect(images.entries[0].bytes == 3)
    #expect(throws: ImageFolderError.noLabel(path: folder.path("top.png"))) { try images.labels() }
    #expect(try images.selecting([4, 0]).labels() == [2, 0])
    #expect(try images.selecting([4, 0]).labels(among: ["b", "Z"]) == [0, 1])
    #expect(throws: ImageFolderError.unknownClass("Z", path: folder.path("Z/x.PnG"))) {
      try images.selecting([4, 0]).labels(among: ["b"])
    }
  }

  @Test func `Names may hold spaces, quotes and newlines`() throws {
    let folder = try TemporaryFolder()
    let names = [" a b/c\nd.png", "'q'/\"x\".png", "-/-.png", "*/?.png", "🙂/🙃.png"]
    for name in names { try folder.writeImage(1, to: name) }
    #expect(Set(try ImageFolder(folder.root + "/").entries.map(\.relativePath)) == Set(names))
  }

  @Test func `Links are followed, but not round in circles`() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "real/a.png")
    try folder.write([1], to: "other/b.png")
    let files = FileManager.default
    try files.createSymbolicLink(atPath: folder.path("real/up"), withDestinationPath: "..")
    try files.createSymbolicLink(atPath: folder.path("alias"), withDestinationPath: "other")
    try files.createSymbolicLink(atPath: folder.path("other/c.jpg"), withDestinationPath: "b.png")
    try files.createSymbolicLink(atPath: folder.path("gone.png"), withDestinationPath: "nowhere")
    let images = try ImageFolder(folder.root)
    #expect(
      images.entries.map(\.relativePath)
        == ["alias/b.png", "alias/c.jpg", "gone.png", "other/b.png", "other/c.jpg", "real/a.png"])
    #expect(images.entries.map(\.bytes) == [1, 1, 0, 1, 1, 1])
  }

  @Test func `Several folders follow one another and share their classes`() throws {
    let folder = try TemporaryFolder()
    for name in ["2/cat/a.png", "2/ant/b.png", "1/cat/c.png"] { try folder.write([1], to: name) }
    let images = try ImageFolder([folder.path("2"), folder.path("1")])
    #expect(images.entries.map(\.relativePath) == ["ant/b.png", "cat/a.png", "cat/c.png"])
    #expect(images.entries.map(\.root) == [0, 0, 1])
    #expect(try images.labels() == [0, 1, 1])
  }

  @Test func `The content hash sees names and sizes and not where the folder stands`() throws {
    let (a, b) = (try TemporaryFolder(), try TemporaryFolder())
    for folder in [a, b] { for name in ["x/1.png", "x/2.png"] { try folder.write([1, 2], to: name) } }
    let hash = try ImageFolder(a.root).contentHash
    #expect(hash.count == 16)
    #expect(try ImageFolder(b.root).contentHash == hash)
    try b.write([1, 2, 3], to: "x/2.png")
    #expect(try ImageFolder(b.root).contentHash != hash)
    try b.write([1, 2], to: "x/2.png")
    #expect(try ImageFolder(b.root).contentHash == hash)
    try FileManager.default.moveItem(atPath: b.path("x/2.png"), toPath: b.path("x/3.png"))
    #expect(try ImageFolder(b.root).contentHash != hash)
  }

  @Test func `A folder without images is an error that says what is wrong`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ImageFolderError.empty(path: folder.root)) { try ImageFolder(folder.root) }
    #expect(throws: ImageFolderError.missing(path: folder.path("none"))) {
      try ImageFolder(folder.path("none"))
    }
    try folder.write([1], to: "notes.txt")
    #expect(throws: ImageFolderError.noImages(path: folder.root, files: 1)) { try ImageFolder(folder.root) }
    #expect(throws: ImageFolderError.notAFolder(path: folder.path("notes.txt"))) {
      try ImageFolder(folder.path("notes.txt"))
    }
    #expect(throws: ImageFolderError.missing(path: "")) { try ImageFolder("") }
  }

  @Test(.enabled(if: getuid() != 0, "the superuser may list every folder"))
  func `A folder that may not be listed is an error`() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "a.png")
    try folder.write([1], to: "shut/b.png")
    chmod(folder.path("shut"), 0)
    defer { chmod(folder.path("shut"), 0o700) }
    #expect(throws: ImageFolderError.unreadable(path: folder.path("shut"), reason: "Permission denied")) {
      try ImageFolder(folder.root)
    }
  }

  @Test func `A split takes the same share of every class and the same rows for the same seed`() {
    let labels = (0..<130).map { $0 < 100 ? $0 % 2 : $0 < 129 ? 2 : 3 }
    let split = Split(labels: labels, testShare: 0.2, seed: 5)
    #expect(Set(split.train).isDisjoint(with: split.test))
    #expect((split.train + split.test).sorted() == Array(0..<130))
    #expect((0..<4).map { label in split.test.count { labels[$0] == label } } == [10, 10, 6, 0])
    #expect(split == Split(labels: labels, testShare: 0.2, seed: 5))
    #expect(split != Split(labels: labels, testShare: 0.2, seed: 6))
    #expect(Split(labels: [0, 0], testShare: 0.01, seed: 0).test.count == 1)
    #expect(Split(labels: [0, 0], testShare: 0.99, seed: 0).train.count == 1)
  }

  @Test func `Each epoch has its own order of all samples`() {
    let order = EpochOrder(count: 50, seed: 3)
    #expect(order.order(0).sorted() == Array(0..<50))
    #expect(order.order(0) == EpochOrder(count: 50, seed: 3).order(0))
    #expect(order.order(0) != order.order(1))
    #expect(order.order(0) != EpochOrder(count: 50, seed: 4).order(0))
  }
}
