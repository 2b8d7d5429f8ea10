import Emanate
import Foundation
import Testing

/// `attention`, `patches`, `neighbors` and `map` from the outside.
@Suite struct PictureCommandTests {
  private static let random = ["--weights", "random", "--arch", "vit_micro", "--patch", "8", "--side", "32"]
  private static let convolutions = ["--weights", "random", "--arch", "mobilenet_v3_small", "--side", "64"]

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (number, label) in ["dark", "bright", "dark", "bright", "dark", "bright", "dark", "bright"]
      .enumerated()
    {
      let place = "\(folder)/images/\(label)"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      let pixels = (0..<48 * 36 * 3).map { UInt8(($0 * 37 + number * 11) % 90 + number % 2 * 120) }
      try PNGEncoder().write(Image(width: 48, height: 36, pixels: pixels), to: "\(place)/\(number).png")
    }
    try body(folder)
  }

  private func object(_ arguments: [String], in folder: String) throws -> [String: Any] {
    let outcome = try Program.run(arguments + ["--json"], in: folder)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  @Test func `attention writes a map, an overlay and a mask for each head and their mean, and a sheet`()
    throws
  {
    try withFolder { folder in
      let report = try object(
        ["attention", "images/dark/0.png", "images/bright", "--out", "a/b"] + Self.random, in: folder)
      let images = try #require(report["images"] as? [[String: Any]])
      #expect(images.compactMap { $0["name"] as? String } == ["0", "1", "3", "5", "7"])
      #expect(images[0]["rows"] as? Int == 4 && images[0]["columns"] as? Int == 5)
      let heads = try #require(images[0]["heads"] as? [[String: Any]])
      #expect(heads.count == 3 && heads.allSatisfy { ($0["class_token"] as? Double ?? 0) > 0 })
      let files = try #require(images[0]["files"] as? [String])
      #expect(
        files.count == 13 && files.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") })
      for kind in ["", "-overlay", "-mask"] {
        let picture = try ImageDecoder().decode(contentsOf: "\(folder)/a/b/0-head2\(kind).png")
        #expect(picture.width == 40 && picture.height == 32)
      }
      let few =
        ["attention", "images/dark/0.png", "--out", "c", "--sheets-only", "--block", "0"] + Self.random
      _ = try object(few, in: folder)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/c") == ["0-sheet.png"])
      #expect(
        try Data(contentsOf: URL(filePath: folder + "/c/0-sheet.png"))
          != Data(contentsOf: URL(filePath: folder + "/a/b/0-sheet.png")))
    }
  }

  @Test func `what cannot be drawn is refused before anything is written`() throws {
    try withFolder { folder in
      try "no image".write(toFile: folder + "/broken.png", atomically: true, encoding: .utf8)
      try PNGEncoder().write(Image(repeating: 0, width: 400, height: 10), to: folder + "/strip.png")
      let raw = ["--weights", "raw-pixels"]
      let cases: [(arguments: String, weights: [String], status: Int32, words: [String])] = [
        ("attention images/dark/0.png", Self.convolutions, 64, ["mobilenet_v3_small", "emanate patches"]),
        ("attention images/dark/0.png --block 6", Self.random, 64, ["block 6", "0 to 5"]),
        ("attention images/dark/0.png --threshold 0", Self.random, 64, ["--threshold"]),
        ("attention images/dark/0.png", raw, 64, ["raw-pixels"]),
        ("attention nowhere.png", Self.random, 74, ["nowhere.png"]),
        ("attention images/dark/0.png broken.png", Self.random, 65, ["broken.png"]),
        ("attention strip.png", Self.random, 65, ["strip.png", "400 x 10"]),
        ("attention images/dark/0.png", ["--weights", "random", "--side", "30"], 64, ["30", "16"]),
        ("patches images --block 2", Self.convolutions, 64, ["mobilenet_v3_small", "--block"]),
        ("patches nowhere", Self.random, 74, ["nowhere"]),
      ]
      for (arguments, weights, status, words) in cases {
        let split = arguments.split(separator: " ").map(String.init)
        let outcome = try Program.run(split + weights + ["--out", "out"], in: folder)
        #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(arguments): \(outcome.errors)") }
        #expect(!FileManager.default.fileExists(atPath: folder + "/out"), "\(arguments)")
      }
      // In a folder it is left out with a warning.
      try FileManager.default.moveItem(
        atPath: folder + "/broken.png", toPath: folder + "/images/dark/broken.png")
      let outcome = try Program.run(["patches", "images/dark", "--out", "out"] + Self.random, in: folder)
      #expect(outcome.status == 0 && outcome.errors.contains("broken.png"))
    }
  }

  @Test func `patches colours the parts of all images, for either kind of network`() throws {
    try withFolder { folder in
      let report = try object(
        ["patches", "images", "--out", "vit", "--foreground", "auto"] + Self.random, in: folder)
      let images = try #require(report["images"] as? [[String: Any]])
      #expect(
        images.count == 8 && images.allSatisfy { $0["rows"] as? Int == 4 && $0["columns"] as? Int == 5 })
      #expect(["above", "below"].contains(report["foreground"] as? String ?? ""))
      let drawn = images.reduce(0) { $0 + ($1["foreground_parts"] as? Int ?? 0) }
      #expect(drawn > 0 && drawn < 160)
      #expect(try ImageDecoder().decode(contentsOf: folder + "/vit/sheet.png").width > 500)
      let cells = try object(
        ["patches", "images/dark/0.png", "--out", "cnn"] + Self.convolutions, in: folder)
      let own = try #require((cells["images"] as? [[String: Any]])?.first)
      #expect(own["rows"] as? Int == 2 && own["columns"] as? Int == 3)
      #expect(try ImageDecoder().decode(contentsOf: folder + "/cnn/0-patches.png").width == 85)
    }
  }

  @Test func `neighbors finds what is nearest, leaves the query itself out and judges classes`() throws {
    try withFolder { folder in
      // Raw pixels: dark pictures are nearest to dark ones.
      let pixels = ["--weights", "raw-pixels", "--side", "32", "--data", "images", "--out", "sheet.png"]
      let report = try object(["neighbors", "--queries", "3", "--k", "2"] + pixels, in: folder)
      let queries = try #require(report["queries"] as? [[String: Any]])
      #expect(queries.count == 3)
      for query in queries {
        let neighbors = try #require(query["neighbors"] as? [[String: Any]])
        #expect(neighbors.count == 2)
        for neighbor in neighbors {
          #expect(neighbor["path"] as? String != query["path"] as? String)
          #expect((neighbor["right"] as? Bool) == (neighbor["class"] as? String == query["class"] as? String))
        }
        let similarities = neighbors.compactMap { $0["similarity"] as? Double }
        #expect(similarities == similarities.sorted(by: >) && similarities[0] <= 1.0001)
      }
      let again = try object(["neighbors", "--queries", "3", "--k", "2", "--seed", "1"] + pixels, in: folder)
      #expect(
        (again["queries"] as? [[String: Any]])?.compactMap { $0["path"] as? String }
          != queries.compactMap { $0["path"] as? String })
      // A file of the folder is known as such, and one from elsewhere finds its copy.
      try FileManager.default.copyItem(atPath: folder + "/images/dark/2.png", toPath: folder + "/copy.png")
      let named = try object(
        ["neighbors", "--k", "7", "--query", "images/dark/2.png", "copy.png"] + pixels, in: folder)
      let both = try #require(named["queries"] as? [[String: Any]])
      let paths = both.map {
        ($0["neighbors"] as? [[String: Any]])?.compactMap { $0["path"] as? String } ?? []
      }
      #expect(!paths[0].contains("images/dark/2.png") && paths[0].count == 7)
      #expect(paths[1].first == "images/dark/2.png" && paths[1].count == 7)
      #expect(both[0]["class"] as? String == "dark" && both[1]["class"] == nil)
      for (arguments, status, word) in [
        (["--k", "8"], 64, "8 images"), (["--k", "2", "--query", "gone.png"], 74, "gone.png"),
        (["--out", "sheet.jpg"], 64, ".png"),
      ] {
        let outcome = try Program.run(
          ["neighbors"] + pixels + arguments, in: folder)
        #expect(outcome.status == Int32(status) && outcome.errors.contains(word), "\(outcome.errors)")
      }
    }
  }

  @Test func `map gives the same picture for any number of threads, with classes, pictures and coordinates`()
    throws
  {
    try withFolder { folder in
      let map = ["map", "--data", "images", "--steps", "60"] + Self.random
      let one = try object(
        map + ["--out", "one.svg", "--csv", "one.csv", "--thumbnails", "--threads", "1"], in: folder)
      _ = try object(
        map + ["--out", "two.svg", "--csv", "two.csv", "--thumbnails", "--threads", "2"], in: folder)
      let files = try ["one.svg", "two.svg", "one.csv", "two.csv"].map {
        try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
      }
      #expect(files[0] == files[1] && files[2] == files[3])
      #expect(one["images"] as? Int == 8 && one["classes"] as? Int == 2)
      #expect((one["thumbnails"] as? Int ?? 0) > 0 && files[0].contains("data:image/png;base64,"))
      #expect(files[0].contains("bright (4)") && files[0].contains("dark (4)"))
      let lines = files[2].split(separator: "\n")
      #expect(lines.count == 9 && lines[0] == "path,class,x,y" && lines[1].hasPrefix("bright/1.png,bright,"))
      let pca = try object(map + ["--out", "pca.svg", "--method", "pca", "--images", "5"], in: folder)
      #expect(pca["images"] as? Int == 5 && (pca["explained"] as? [Double])?.count == 2)
      for (arguments, status, word) in [
        (["--perplexity", "3"], 64, "--perplexity"), (["--out", "map.png"], 64, ".svg"),
        (["--out", "nowhere/map.svg"], 74, "nowhere"),
        (["--data", "images/dark", "--images", "3"], 64, "--images"),
      ] {
        let outcome = try Program.run(map + ["--out", "x.svg"] + arguments, in: folder)
        #expect(outcome.status == Int32(status) && outcome.errors.contains(word), "\(outcome.errors)")
      }
    }
  }
}
