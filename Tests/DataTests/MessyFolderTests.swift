import EmanateAugmentations
import EmanateData
import EmanateImages
import EmanateKernels
import Foundation
import Testing

/// A folder as it is found in the world: what each file holds, and what is wrong with it.
struct MessyFolder {
  let temporary: TemporaryFolder
  let folder: ImageFolder
  /// The shown relative paths of files that give an image.
  let good: Set<String>
  /// Why the others do not, by shown relative path.
  let bad: [String: String]

  init() throws {
    temporary = try TemporaryFolder()
    let png = PNGEncoder().encode(Self.image(40, 30))
    let golden = URL(fileURLWithPath: #filePath).appendingPathComponent("../../Golden/images").standardized
    let jpeg = [UInt8](try Data(contentsOf: golden.appendingPathComponent("jpeg-420.jpg")))
    let cmyk = [UInt8](try Data(contentsOf: golden.appendingPathComponent("jpeg-cmyk.jpg")))
    let gray16 = [UInt8](try Data(contentsOf: golden.appendingPathComponent("png-color0-depth16.png")))
    var good: [String: [UInt8]] = [
      "one pixel.png": PNGEncoder().encode(Self.image(1, 1)),
      "wide.png": PNGEncoder().encode(Self.image(30_000, 10)),
      "tall.png": PNGEncoder().encode(Self.image(10, 30_000)),
      "strip.png": PNGEncoder().encode(Self.image(1, 20_000)),
      "in/deep/er/UPPER.JPG": jpeg, "really a jpeg.png": jpeg, "really a png.jpeg": png, "no-extension": png,
      "camera.jfif": jpeg, "line\nbreak \"quoted\".png": png, "print/cmyk.jpg": cmyk,
      "scan/gray16.png": gray16,
      "for-latin-1": png,
    ]
    var bad: [String: (bytes: [UInt8], reason: String)] = [
      "empty.png": ([], "the file is empty"),
      "empty.jpg": ([], "the file is empty"),
      "text.png": (Array("<html>404</html>".utf8), "neither a PNG nor a JPEG file"),
      "bomb.png": (Self.bomb, "60000 x 60000 pixels are more than the limit of 100000000"),
      "vanishing.png": (png, "No such file or directory"),
      "changing.png": (png, "neither a PNG nor a JPEG file"),
      "shrinking.png": (png, "the file is empty"),
    ]
    for (name, bytes) in good { try temporary.write(bytes, to: name) }
    for (name, file) in bad { try temporary.write(file.bytes, to: name) }
    // How a codec says that something is missing is its own affair.
    for (name, bytes) in ["cut.png": png, "cut.jpg": jpeg] {
      let half = Array(bytes[..<(bytes.count / 2)])
      try temporary.write(half, to: name)
      let error = #expect(throws: ImageDecodingError.self) { try ImageDecoder().decode(half) }
      guard case .corrupt(let text) = error?.reason else { throw CocoaError(.fileReadCorruptFile) }
      bad[name] = (half, text)
    }
    let latin = Array("caf".utf8) + [0xE9] + Array(".png".utf8)
    try #require(rename(temporary.path("for-latin-1"), temporary.cPath(latin)) == 0)
    good["for-latin-1"] = nil
    good["caf\\xE9.png"] = png
    try #require(symlink("nowhere", temporary.path("dangling.png")) == 0)
    bad["dangling.png"] = ([], "No such file or directory")
    try #require(symlink("loop.png", temporary.path("loop.png")) == 0)
    bad["loop.png"] = ([], String(cString: strerror(ELOOP)))
    try #require(symlink("..", temporary.path("in/up")) == 0)
    try #require(symlink("no-extension", temporary.path("linked.png")) == 0)
    good["linked.png"] = png
    try #require(mkfifo(temporary.path("pipe.png"), 0o600) == 0)
    bad["pipe.png"] = ([], "is not a regular file")
    // Root may read everything, so only other users meet this one.
    if geteuid() != 0 {
      try temporary.write(png, to: "secret.png")
      chmod(temporary.path("secret.png"), 0)
      bad["secret.png"] = (png, "Permission denied")
    }
    try temporary.write(png, to: ".hidden.png")
    try temporary.write(Array("nothing to see".utf8), to: "notes.txt")
    self.good = Set(good.keys)
    self.bad = bad.mapValues(\.reason)
    folder = try ImageFolder(temporary.root)
    // After the folder was listed.
    unlink(temporary.path("vanishing.png"))
    try temporary.write(Array("moved".utf8), to: "changing.png")
    truncate(temporary.path("shrinking.png"), 0)
  }

  static func image(_ width: Int, _ height: Int) -> Image {
    Image(
      width: width, height: height,
      pixels: (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5 &+ $0 &* 7) })
  }

  /// The beginning of a PNG file of 60,000 x 60,000 pixels, 10.8 GB of levels: 57 bytes.
  static let bomb: [UInt8] =
    [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]
    + Array("IHDR".utf8) + [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 2, 0, 0, 0] + [0x0F, 0xB0, 0xE2, 0x15]
    + [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E, 0, 0, 0, 0]
}

@Suite struct MessyFolderTests {
  @Test func `A messy folder lists all that may be an image`() throws {
    let messy = try MessyFolder()
    #expect(Set(messy.folder.entries.map(\.relativePath)) == messy.good.union(messy.bad.keys))
  }

  @Test func `Training on a messy folder serves every good file and lists every bad one with its reason`()
    throws
  {
    let messy = try MessyFolder()
    let recipe = URL(fileURLWithPath: #filePath).appendingPathComponent(
      "../../../augmentations/recipes/dino.yaml")
    let crops = try MultiCrop(Recipe(contentsOf: recipe.standardized.path))
    let stepsPerEpoch = messy.folder.count / 4
    let loader = try Loader(
      folder: messy.folder, maker: crops, patch: 16, batchSize: 4, seed: 3, steps: 0..<3 * stepsPerEpoch,
      options: .init(unreadableShare: 1))
    var served: Set<String> = []
    while let batch = try loader.next() {
      served.formUnion(batch.samples.map { messy.folder.entries[$0].relativePath })
      for group in batch.groups {
        let isFinite = group.patches.array.allSatisfy { $0.isFinite }
        #expect(isFinite)
      }
    }
    #expect(served == messy.good)
    let reasons = Dictionary(uniqueKeysWithValues: loader.state.skipped.map { ($0.relativePath, $0.reason) })
    #expect(reasons == messy.bad)
  }

  @Test func `Features of a messy folder are those of its good files`() throws {
    let messy = try MessyFolder()
    let loader = FeatureLoader(
      folder: messy.folder, transform: EvaluationTransform(side: 224), patch: 16, batchSize: 5)
    var served: [String] = []
    while let batch = loader.next() {
      served += batch.samples.map { messy.folder.entries[$0].relativePath }
      let isFinite = batch.patches.array.allSatisfy { $0.isFinite }
      #expect(isFinite)
    }
    #expect(served == messy.folder.entries.map(\.relativePath).filter(messy.good.contains))
    #expect(
      Dictionary(uniqueKeysWithValues: loader.skipped.map { ($0.relativePath, $0.reason) }) == messy.bad)
  }

  #if os(Linux)
    /// The most address space the process has had, in kB.
    private func peakAddressSpace() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
      return try #require(Int(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? ""))
    }

    @Test func `A decompression bomb takes no memory, not even address space`() throws {
      let before = try peakAddressSpace()
      let error = #expect(throws: ImageDecodingError.self) { try ImageDecoder().decode(MessyFolder.bomb) }
      #expect(
        error?.reason == .tooManyPixels(width: 60_000, height: 60_000, limit: 100_000_000))
      #expect(try peakAddressSpace() - before < 10_000)
      // As much as the bomb promises does show there.
      let room = mmap(nil, 10_800_000_000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      #expect(try peakAddressSpace() - before > 1_000_000)
      munmap(room, 10_800_000_000)
    }
  #endif
}
