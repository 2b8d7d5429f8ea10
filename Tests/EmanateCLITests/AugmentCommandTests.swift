import Emanate
import Foundation
import Testing

@Suite("emanate augment")
struct AugmentCommandTests {
  private func folder(images: Int = 5) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path + "/photos", withIntermediateDirectories: true)
    var generator = KeyedGenerator(seed: 1, purpose: .probe)
    for number in 0..<images {
      let pixels = (0..<3 * 60 * 45).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      try PNGEncoder().write(
        Image(width: 60, height: 45, pixels: pixels), to: path + "/photos/\(number).png")
    }
    return path
  }

  private func object(_ outcome: Program.Outcome) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  @Test("Draws the views that training sees, and says which they are")
  func views() throws {
    let path = try folder()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let outcome = try Program.run(
      [
        "augment", "--data", "photos", "--recipe", "dino-small", "--out", "sheet.png", "--images", "3",
        "--seed", "4", "--epoch", "2", "--json",
      ], in: path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome)
    #expect(report["views"] as? Int == 18 && report["views_per_image"] as? Int == 6)
    let details = try #require(report["details"] as? [[String: Any]])
    #expect(details.count == 18)
    // All through the folder: rows 0, 1 and 3 of five.
    #expect(Set(details.compactMap { $0["sample"] as? Int }) == [0, 1, 3])
    let text = try #require(Resource.text(named: "dino-small", in: .recipes))
    let crops = try MultiCrop(Recipe(yaml: text, file: "dino-small"), mode: .fast)
    let sheet = try ImageDecoder().decode(contentsOf: path + "/sheet.png")
    for detail in details {
      let sample = try #require(detail["sample"] as? Int)
      let image = try ImageDecoder().decode(contentsOf: path + "/photos/\(sample).png", for: .fast)
      let view = crops.describedView(
        try #require(detail["view"] as? Int), of: image, seed: 4, epoch: 2, sample: sample)
      #expect(detail["applied"] as? [String] == view.applied)
      #expect(
        detail["crop"] as? [Int] == [view.crop.x, view.crop.y, view.crop.width, view.crop.height])
      // Its first row, each pixel four times as wide, is somewhere in the sheet.
      let first = (0..<view.image.width).flatMap { pixel in
        (0..<4).flatMap { _ in view.image.pixels[3 * pixel..<3 * pixel + 3] }
      }
      #expect(Data(sheet.pixels).range(of: Data(first)) != nil)
    }
  }

  @Test("An unreadable image is named and the others are drawn; an existing sheet is replaced")
  func unreadable() throws {
    let path = try folder(images: 2)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "no image".write(toFile: path + "/photos/broken.png", atomically: true, encoding: .utf8)
    try "old".write(toFile: path + "/sheet.png", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      ["augment", "--data", "photos", "--recipe", "solo-cifar10", "--out", "sheet.png"], in: path)
    #expect(outcome.status == 0 && outcome.errors.contains("broken.png"))
    #expect(outcome.output.contains("4 views of 2 images"))
    #expect(try ImageDecoder().decode(contentsOf: path + "/sheet.png").width > 300)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["photos", "sheet.png"])
  }

  @Test("A single image, a recipe of one's own and settings are taken")
  func single() throws {
    let path = try folder(images: 1)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "views:\n  - {count: 3, side: 20, area: [0.5, 1.0]}\n".write(
      toFile: path + "/mine.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      [
        "augment", "--data", "photos/0.png", "--recipe", "mine.yaml", "--out", "sheet.png", "--json",
        "--set", "data.views.globalSide=32",
      ], in: path)
    let details = try #require(try object(outcome)["details"] as? [[String: Any]])
    #expect(details.count == 3 && details.allSatisfy { $0["side"] as? Int == 32 })
  }

  @Test(
    "Errors say what and why on standard error, with the status of their kind",
    arguments: [
      (["augment", "--data", "nowhere", "--out", "a.png"], 65, "nowhere"),
      (["augment", "--data", "photos", "--out", "a.jpg"], 64, ".png"),
      (["augment", "--data", "photos", "--out", "/nowhere/a.png"], 74, "/nowhere"),
      (["augment", "--data", "photos", "--out", "a.png", "--recipe", "dinosaur"], 74, "list recipes"),
      (["augment", "--data", "photos", "--out", "a.png", "--images", "0"], 64, "--images"),
      (["augment", "--data", "photos/broken.png", "--out", "a.png"], 65, "broken.png"),
      (["augment", "--data", "photos", "photos/broken.png", "--out", "a.png"], 64, "not both"),
      (["pretrain", "--data", "photos", "--out", "run", "--set", "data.recipe=supervised"], 64, "one view"),
      (
        [
          "pretrain", "--data", "photos", "--out", "run", "--set", "data.recipe=dinov2", "--set",
          "data.views.localSide=98",
        ], 64, "is 98, not a multiple of `network.patch`, 16"
      ),
      (
        [
          "pretrain", "--data", "photos", "--out", "run", "--set", "data.recipe=solo-cifar10", "--set",
          "network.patch=14",
        ], 64, "side 32, not a multiple of `network.patch`, 14"
      ),
    ] as [([String], Int32, String)])
  func errors(arguments: [String], status: Int32, part: String) throws {
    let path = try folder(images: 1)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "no image".write(toFile: path + "/photos/broken.png", atomically: true, encoding: .utf8)
    let outcome = try Program.run(arguments, in: path)
    #expect(outcome.status == status)
    #expect(outcome.errors.hasPrefix("emanate: ") && outcome.errors.contains(part), "\(outcome.errors)")
  }

  @Test("DINO trains with a recipe that has two global views and no local ones")
  func withoutLocals() throws {
    let path = try folder(images: 8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let outcome = try Program.run(
      [
        "pretrain", "--data", "photos", "--out", "run", "--json", "--set", "data.recipe=solo-cifar10",
        "--set", "network.architecture=vit_micro", "--set", "network.patch=8", "--set", "network.side=32",
        "--set", "head.prototypes=32", "--set", "training.batchSize=4", "--set", "training.steps=2",
      ], in: path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    // Two pairs of views: a cross-entropy that begins near ln K.
    let loss = try #require(try object(outcome)["loss"] as? Double)
    #expect(loss > 0 && loss < 10)
  }

  @Test("Each recipe is listed with what it is for")
  func list() throws {
    let lines = try Program.run(["list", "recipes"]).output.split(separator: "\n")
    #expect(lines.count == Resource.names(in: .recipes).count)
    for line in lines { #expect(line.split(separator: " ").count > 5, "\(line)") }
  }
}
