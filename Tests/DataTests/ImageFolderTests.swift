import EmanateData
import EmanateImages
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

  @Test func `The content decides where the name does not say image`() throws {
    let folder = try TemporaryFolder()
    let png = PNGEncoder().encode(Image(repeating: 9, width: 1, height: 1))
    let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0]
    for name in ["no-extension", "a.jpe", "b.jfif", "notes.txt", "c.png.part"] {
      try folder.write(png, to: name)
    }
    try folder.write(jpeg, to: "photo.tmp")
    // Hidden, too short to tell, of another format, and an image by name alone.
    try folder.write(png, to: ".thumbnail")
    try folder.write(Array(jpeg.prefix(7)), to: "short")
    try folder.write(Array("GIF89a, it says".utf8), to: "animation.gif")
    try folder.write([], to: "nothing")
    try folder.write(Array("text".utf8), to: "text.png")
    // Nobody writes into it: whoever opens it and waits waits for ever.
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    try FileManager.default.createSymbolicLink(atPath: folder.path("linked"), withDestinationPath: "b.jfif")
    let images = try ImageFolder(folder.root)
    #expect(
      images.entries.map(\.relativePath) == [
        "a.jpe", "b.jfif", "c.png.part", "linked", "no-extension", "notes.txt", "photo.tmp", "text.png",
      ])
    #expect(images.unlisted.isEmpty)
    #expect(try ImageDecoder().decode(contentsOf: images.entries[4].file).pixels == [9, 9, 9])
  }

  @Test func `Names that are not UTF-8 are opened as they are and shown with their wrong bytes`() throws {
    let folder = try TemporaryFolder()
    // é in Latin-1, once of a folder and once of a file; a character cut short; a byte that no character has.
    let names: [[UInt8]] = [
      Array("caf".utf8) + [0xE9] + Array("/1.png".utf8),
      Array("caf".utf8) + [0xE9, 0x2F, 0xE9] + Array(".PNG".utf8),
      [0xE2, 0x82] + Array(" é.png".utf8), [0xFF, 0x01],
    ]
    #expect(mkdir(folder.cPath(Array(names[0].prefix(4))), 0o700) == 0)
    try folder.writeImage(1, to: "plain.png")
    for (number, name) in names.enumerated() {
      try folder.writeImage(number, to: "plain")
      #expect(rename(folder.path("plain"), folder.cPath(name)) == 0)
    }
    let images = try ImageFolder(folder.root)
    #expect(
      images.entries.map(\.relativePath)
        == ["\\xE2\\x82 é.png", "\\xFF\u{1}", "caf\\xE9/1.png", "caf\\xE9/\\xE9.PNG", "plain.png"])
    #expect(images.entries.map(\.path) == images.entries.map { folder.path($0.relativePath) })
    #expect(images.classes == ["caf\\xE9"])
    for (row, number) in [2, 3, 0, 1, 1].enumerated() {
      let first = try ImageDecoder().decode(contentsOf: images.entries[row].file).pixels[0]
      #expect(Int(first) == number * 31)
    }
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
    try files.createSymbolicLink(atPath: folder.path("gone"), withDestinationPath: "nowhere")
    try files.createSymbolicLink(atPath: folder.path("itself"), withDestinationPath: "itself")
    let images = try ImageFolder(folder.root)
    #expect(
      images.entries.map(\.relativePath)
        == ["alias/b.png", "alias/c.jpg", "gone.png", "other/b.png", "other/c.jpg", "real/a.png"])
    #expect(images.unlisted.isEmpty)
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

  @Test(.enabled(if: geteuid() != 0, "the superuser may list every folder"))
  func `A folder inside that may not be listed is left out with the reason, and the first one is an error`()
    throws
  {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "a.png")
    try folder.write([1], to: "shut/b.png")
    try folder.write([1], to: "names/c.png")
    try folder.write([1], to: "names/inner/d.png")
    chmod(folder.path("shut"), 0)
    chmod(folder.path("names"), 0o400)
    defer { for name in ["", "shut", "names"] { chmod(folder.path(name), 0o700) } }
    let images = try ImageFolder(folder.root)
    #expect(images.entries.map(\.relativePath) == ["a.png", "names/c.png"])
    #expect(images.unlisted.map(\.relativePath) == ["names/inner", "shut"])
    #expect(
      images.unlisted.map(\.reason) == Array(repeating: "cannot be listed: Permission denied", count: 2))
    #expect(images.unlisted[1].description == folder.path("shut") + ": cannot be listed: Permission denied")
    #expect(images.selecting([0]).unlisted == images.unlisted)
    unlink(folder.path("a.png"))
    chmod(folder.path("names"), 0)
    #expect(throws: ImageFolderError.unreadable(path: folder.path("names"), reason: "Permission denied")) {
      try ImageFolder(folder.root)
    }
    chmod(folder.path(""), 0)
    #expect(throws: ImageFolderError.unreadable(path: folder.root, reason: "Permission denied")) {
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
