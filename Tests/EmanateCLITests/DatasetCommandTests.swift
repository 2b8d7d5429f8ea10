import Emanate
import Foundation
import Testing

@Suite("emanate dataset")
final class DatasetCommandTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ image: Image, level: Int = 6, to name: String) throws {
    try write(PNGEncoder(level: level).encode(image), to: name)
  }

  private func write(_ bytes: [UInt8], to name: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  private func gradient(_ width: Int, _ height: Int) -> Image {
    let pixels = (0..<3 * width * height).map { UInt8($0 % (3 * width) * 255 / (3 * width)) }
    return Image(width: width, height: height, pixels: pixels)
  }

  private struct Check: Decodable {
    struct File: Decodable { let path, reason: String }
    struct Duplicate: Decodable {
      let path, repeats, likeness: String
      let across_folders, across_classes: Bool
    }
    let images, unreadable, across_folders, across_classes: Int
    let files: [File]
    let duplicates: [Duplicate]
    let blank: [String]
    let formats, classes: [String: Int]
    let sizes: [String: [Int]]
  }

  @Test("check names what is unreadable, what is there twice, and test images among the training images")
  func check() throws {
    try write(gradient(64, 48), to: "train/a/1.png")
    try write(gradient(64, 48), level: 0, to: "train/b/2.png")
    try write(gradient(32, 24), to: "test/a/small\nname.png")
    try write(Image(repeating: 9, width: 2, height: 1), to: "test/a/plain.png")
    try write(Array("text".utf8), to: "test/b/text.jpg")
    let outcome = try Program.run(["dataset", "check", "train", "test", "--json"], in: folder.path)
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
    let check = try JSONDecoder().decode(Check.self, from: Data(outcome.output.utf8))
    #expect(check.images == 4 && check.unreadable == 1)
    #expect(check.files.map(\.path) == ["test/b/text.jpg"])
    #expect(check.files.map(\.reason) == ["neither a PNG nor a JPEG file"])
    #expect(check.duplicates.map(\.path) == ["train/b/2.png", "test/a/small\nname.png"])
    #expect(check.duplicates.map(\.repeats) == ["train/a/1.png", "train/a/1.png"])
    #expect(check.duplicates.map(\.likeness) == ["pixels", "near"])
    #expect(check.across_folders == 1 && check.across_classes == 1)
    #expect(check.blank == ["test/a/plain.png"])
    #expect(check.formats == ["png": 4] && check.classes == ["a": 3, "b": 1])
    #expect(check.sizes == ["least": [2, 1], "median": [32, 24], "greatest": [64, 48]])

    let text = try Program.run(["dataset", "check", "train", "test"], in: folder.path).output
    #expect(
      text == """
        4 images (4 PNG), 1 unreadable.
        Sizes, by number of pixels: least 2 x 1, median 32 x 24, greatest 64 x 48.
        2 classes: from 1 (b) to 3 (a) images.
        Files that repeat another: 0 byte for byte, 1 pixel for pixel, 1 nearly.
        LEAKAGE, repeated from another of the folders: 1.
        Repeated under another class: 1.
        1 image of one colour throughout, alpha dropped; --set data.alpha=over lays drawings over white.

        Unreadable:
          test/b/text.jpg: neither a PNG nor a JPEG file

        Repeated:
          train/a/1.png
            train/b/2.png (pixels, another class)
            test/a/small\\nname.png (near, another folder)

        Of one colour:
          test/a/plain.png

        """)
    let same = try Program.run(["dataset", "check", "train", "test", "--no-near"], in: folder.path).output
    #expect(same.contains("1 pixel for pixel.") && !same.contains("LEAKAGE"))
  }

  @Test("check lists twenty lines and says how many more there are")
  func long() throws {
    for number in 0..<35 { try write([UInt8(number)], to: "bad/\(number).png") }
    try write(gradient(5, 5), to: "bad/good.png")
    let text = try Program.run(["dataset", "check", "bad"], in: folder.path).output
    #expect(text.hasPrefix("1 image (1 PNG), 35 unreadable."))
    #expect(text.contains("\n  and 15 lines more; --json lists all\n"))
    #expect(text.split(separator: "\n").count < 30)
  }

  @Test("stats prints lines that a recipe takes")
  func stats() throws {
    try write(Image(repeating: 0, width: 10, height: 10), to: "images/black.png")
    try write(Image(repeating: 255, width: 1, height: 3), to: "images/white.png")
    try write([], to: "images/of two\nlines.png")
    let outcome = try Program.run(["dataset", "stats", "images"], in: folder.path)
    #expect(
      outcome.status == 0 && outcome.errors.contains("images/of two\\nlines.png: the file is empty"),
      "\(outcome)")
    #expect(
      outcome.output == """
        # 2 images of images
        mean: [0.500000, 0.500000, 0.500000]
        std: [0.500000, 0.500000, 0.500000]

        """)
    struct Stats: Decodable {
      let images, skipped: Int
      let mean, std: [Double]
    }
    let json = try Program.run(["dataset", "stats", "images", "--json", "--threads", "1"], in: folder.path)
    let stats = try JSONDecoder().decode(Stats.self, from: Data(json.output.utf8))
    #expect(stats.images == 2 && stats.skipped == 1)
    #expect(stats.mean == [0.5, 0.5, 0.5] && stats.std == [0.5, 0.5, 0.5])
  }

  @Test(
    "Errors name what is wrong, with the status of their kind",
    arguments: [
      (["check"], 64, "dir"), (["check", "nowhere"], 65, "nowhere"), (["stats", "empty"], 65, "empty"),
      (["check", "images", "--pixel-limit", "0"], 64, "--pixel-limit"),
      (["stats", "bad"], 65, "bad/1.png: neither a PNG nor a JPEG file"),
    ] as [([String], Int32, String)])
  func errors(arguments: [String], status: Int32, part: String) throws {
    try FileManager.default.createDirectory(
      at: folder.appending(path: "empty"), withIntermediateDirectories: true)
    try write([1], to: "bad/1.png")
    let outcome = try Program.run(["dataset"] + arguments, in: folder.path)
    #expect(outcome.status == status && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("emanate: ") && outcome.errors.contains(part), "\(outcome)")
  }

  #if os(Linux)
    @Test("An interrupt ends a check with status 130 and no result")
    func interrupt() throws {
      try write(gradient(2_000, 2_000), to: "images/0.png")
      for number in 1..<4_000 {
        link(folder.appending(path: "images/0.png").path, folder.appending(path: "images/\(number).png").path)
      }
      let process = Process()
      process.executableURL = Program.executable
      process.arguments = ["dataset", "check", "images"]
      process.currentDirectoryURL = folder
      let output = Pipe()
      (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
      try process.run()
      // Until it listens: nothing else in the program catches SIGINT.
      let status = "/proc/\(process.processIdentifier)/status"
      let deadline = Date(timeIntervalSinceNow: 60)
      while Date() < deadline {
        let lines = try String(contentsOfFile: status, encoding: .utf8).split(separator: "\n")
        let caught = lines.first { $0.hasPrefix("SigCgt:") }?.split(whereSeparator: \.isWhitespace).last
        if UInt64(caught ?? "", radix: 16)! >> UInt64(SIGINT - 1) & 1 == 1 { break }
        usleep(2_000)
      }
      kill(process.processIdentifier, SIGINT)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 130)
      #expect(output.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }

    @Test(
      "What a user may not read is listed as unreadable, and the rest is checked",
      .enabled(
        if: geteuid() != 0 || access("/usr/bin/setpriv", X_OK) == 0,
        "the superuser may read everything, and there is no setpriv to become another"))
    func permissions() throws {
      try write(gradient(9, 9), to: "images/1.png")
      try write(gradient(8, 8), to: "images/secret.png")
      try write(gradient(7, 7), to: "images/shut/2.png")
      chmod(folder.appending(path: "images/secret.png").path, 0)
      chmod(folder.appending(path: "images/shut").path, 0)
      defer { chmod(folder.appending(path: "images/shut").path, 0o700) }
      let arguments = ["dataset", "check", "images", "--json"]
      var outcome: Program.Outcome
      if geteuid() != 0 {
        outcome = try Program.run(arguments, in: folder.path)
      } else {
        // Where another user reaches it.
        let program = folder.appending(path: "emanate")
        try FileManager.default.copyItem(at: Program.executable, to: program)
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups", program.path]
        outcome = try Program.run(user + arguments, in: folder.path, by: URL(filePath: "/usr/bin/setpriv"))
      }
      #expect(outcome.status == 0, "\(outcome)")
      let check = try JSONDecoder().decode(Check.self, from: Data(outcome.output.utf8))
      #expect(check.images == 1 && check.unreadable == 2)
      #expect(check.files.map(\.path) == ["images/secret.png", "images/shut"])
      #expect(check.files.map(\.reason) == ["Permission denied", "cannot be listed: Permission denied"])
    }
  #endif

  @Test("fashion-mnist --embedded needs no package, and no other source beside it")
  func embedded() throws {
    let made = try Program.object(
      ["dataset", "fashion-mnist", "--embedded", "--limit", "20", "--out", "sample", "--json"],
      in: folder.path)
    #expect(made["train_images"] as? Int == 20 && made["test_images"] as? Int == 20)
    #expect(try ImageFolder(folder.path + "/sample/train").classes.contains("Sneaker"))
    let both = try Program.run(
      ["dataset", "fashion-mnist", "--embedded", "--source", "x", "--out", "b"], in: folder.path)
    #expect(both.status == 64 && both.errors.contains("--embedded"))
    let neither = try Program.run(
      ["dataset", "fashion-mnist", "--source", "x", "--out", "b"], in: folder.path)
    #expect(neither.status == 74 && neither.errors.contains("take --embedded"))
  }
}
