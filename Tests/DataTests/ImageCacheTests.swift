import EmanateAugmentations
import EmanateData
import EmanateImages
import EmanateKernels
import Foundation
import Testing
import TestSupport

@Suite("ImageCache")
struct ImageCacheTests {
  private func folder() throws -> (TemporaryFolder, ImageFolder) {
    let temporary = try TemporaryFolder()
    for name in [
      "photograph-420", "photograph-444", "photograph-gray", "photograph-progressive", "saturated",
    ] {
      let file = try Data(contentsOf: URL(fileURLWithPath: goldenPath("planes/\(name).jpg")))
      try temporary.write([UInt8](file), to: "images/\(name).jpg")
    }
    for number in 0..<3 { try temporary.writeImage(number, to: "images/\(number).png") }
    return (temporary, try ImageFolder(temporary.path("images")))
  }

  /// All views of `steps` batches of two.
  private func views(
    _ folder: ImageFolder, _ cache: ImageCache?, mode: DataMode, steps: Int = 12
  ) throws -> [[[Float]]] {
    let recipe = Recipe(views: [.init(count: 2, side: 16, area: .init(0.3, 1))])
    let maker = try MultiCrop(recipe, mode: mode)
    var options = Loader.Options(unreadableShare: 0.5)
    options.cache = cache
    let loader = try Loader(
      folder: folder, maker: maker, patch: 16, batchSize: 2, seed: 3, steps: 0..<steps, options: options)
    var all: [[[Float]]] = []
    while let batch = try loader.next() { all.append(batch.content) }
    return all
  }

  @Test(
    "Views do not depend on the cache, in memory or in a file, new or found", arguments: DataMode.allCases)
  func views(mode: DataMode) throws {
    let (temporary, folder) = try folder()
    defer { withExtendedLifetime(temporary) {} }
    let expected = try views(folder, nil, mode: mode)
    #expect(expected.count == 12)
    #expect(try views(folder, ImageCache(side: 0, memory: 1 << 30), mode: mode) == expected)
    #expect(try views(folder, ImageCache(side: 0, memory: 300_000), mode: mode) == expected)
    #expect(try views(folder, ImageCache(side: 0, memory: 0), mode: mode) == expected)
    let path = temporary.path("cache")
    for found in [0, 8] {
      let file = try CacheFile(path, limit: 1 << 30)
      #expect(file.imagesFound == found)
      #expect(try views(folder, ImageCache(side: 0, file: file), mode: mode) == expected)
    }
  }

  @Test("A kept image needs its file no more, a changed file is decoded anew, a missing one is missing")
  func changes() throws {
    let (temporary, folder) = try folder()
    let cache = ImageCache(side: 0, file: try CacheFile(temporary.path("cache"), limit: 1 << 30))
    let path = folder.entries[0].path
    // Whole seconds, which a date keeps to the last bit.
    let time = Date(timeIntervalSince1970: 1_700_000_000)
    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
    let before = try views(folder, cache, mode: .exact)
    // The same size and time, other bytes: the cache answers, so nothing was read.
    let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    try Data(repeating: 0, count: size).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
    #expect(try views(folder, cache, mode: .exact) == before)
    // Another time: it is read, and found to be no image.
    try FileManager.default.setAttributes([.modificationDate: time + 5], ofItemAtPath: path)
    #expect(try views(folder, cache, mode: .exact) != before)
    try FileManager.default.removeItem(atPath: path)
    #expect(try views(folder, cache, mode: .exact) != before)
  }

  @Test("Folders whose files have the same names, sizes and times share a cache and keep their own images")
  func twoFolders() throws {
    let temporary = try TemporaryFolder()
    var expected: [[[[Float]]]] = []
    let time = Date(timeIntervalSince1970: 1_700_000_000)
    for number in 0..<2 {
      for place in 0..<2 {
        // Stored, not compressed, so that files are of one size.
        let image = Image(repeating: UInt8(100 * number + place), width: 4, height: 3)
        let name = "\(number)/\(place).png"
        try temporary.write(PNGEncoder(level: 0).encode(image), to: name)
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: temporary.path(name))
      }
      expected.append(try views(ImageFolder(temporary.path("\(number)")), nil, mode: .exact, steps: 2))
    }
    #expect(expected[0] != expected[1])
    for _ in 0..<2 {
      for number in 0..<2 {
        let cache = ImageCache(side: 0, file: try CacheFile(temporary.path("cache"), limit: 1 << 20))
        #expect(
          try views(ImageFolder(temporary.path("\(number)")), cache, mode: .exact, steps: 2)
            == expected[number])
      }
    }
  }

  @Test(
    "Images are kept with their short side cut down, and given so where there is no room",
    arguments: DataMode.allCases)
  func side(mode: DataMode) throws {
    let (temporary, folder) = try folder()
    defer { withExtendedLifetime(temporary) {} }
    let roomy = try views(folder, ImageCache(side: 40, memory: 1 << 30), mode: mode)
    let cramped = try views(folder, ImageCache(side: 40, memory: 0), mode: mode)
    #expect(roomy == cramped)
    #expect(try roomy != views(folder, nil, mode: mode))
  }

  @Test("A file that a crash cut short, or whose bytes changed, loses single images only")
  func damage() throws {
    let (temporary, folder) = try folder()
    let expected = try views(folder, nil, mode: .fast)
    let path = temporary.path("cache")
    _ = try views(folder, ImageCache(side: 0, file: try CacheFile(path, limit: 1 << 30)), mode: .fast)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in [1, 100, 5000, whole.count / 2, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      let file = try CacheFile(path, limit: 1 << 30)
      #expect(file.imagesFound < 8)
      #expect(try views(folder, ImageCache(side: 0, file: file), mode: .fast) == expected)
      #expect(try CacheFile(path, limit: 1 << 30).byteCount > length)
    }
    var changed = whole
    for place in stride(from: 3000, to: whole.count, by: 20_000) { changed[place] ^= 255 }
    try changed.write(to: URL(fileURLWithPath: path))
    let file = try CacheFile(path, limit: 1 << 30)
    #expect(try views(folder, ImageCache(side: 0, file: file), mode: .fast) == expected)
  }

  @Test("A limit is kept to, and a second run reads while the first one writes")
  func sharing() throws {
    let (temporary, folder) = try folder()
    let path = temporary.path("cache")
    let first = try CacheFile(path, limit: 150_000)
    #expect(first.isWritable)
    let expected = try views(folder, nil, mode: .exact)
    #expect(try views(folder, ImageCache(side: 0, file: first), mode: .exact) == expected)
    #expect(first.byteCount > 0 && first.byteCount <= 150_000)
    let second = try CacheFile(path, limit: 1 << 30)
    #expect(!second.isWritable && second.imagesFound > 0)
    #expect(try views(folder, ImageCache(side: 0, file: second), mode: .exact) == expected)
    #expect(second.byteCount == first.byteCount)
  }

  @Test("Another file is left alone")
  func otherFile() throws {
    let temporary = try TemporaryFolder()
    try temporary.write(Array("dear diary, this is no cache at all".utf8), to: "diary")
    #expect(throws: CacheFileError.self) { try CacheFile(temporary.path("diary"), limit: 1 << 20) }
    #expect(throws: CacheFileError.self) { try CacheFile(temporary.root, limit: 1 << 20) }
    #expect(try String(contentsOfFile: temporary.path("diary"), encoding: .utf8).hasPrefix("dear diary"))
  }
}
