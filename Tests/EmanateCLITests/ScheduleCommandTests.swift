import Foundation
import Testing

@Suite("emanate schedule")
struct ScheduleCommandTests {
  @Test("A table on standard output says what was assumed")
  func table() throws {
    let outcome = try Program.run(["schedule"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.output.contains("1,281,167") && outcome.output.contains("half-life in steps"))
  }

  @Test("With --json standard output is one object, and notes go to standard error")
  func json() throws {
    let outcome = try Program.run(["schedule", "pretrain/dino-fashion", "defaults", "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    let schedules = try #require(object?["schedules"] as? [[String: Any]])
    #expect(schedules.count == 8)
    #expect(schedules[6]["name"] as? String == "teacher_momentum")
    #expect(abs(try #require(schedules[6]["half_life_steps"] as? Double) - 172.9) < 0.1)
    #expect(outcome.errors.contains("1,281,167"))
  }

  @Test("Presets and a file of one's own stand side by side, in a picture too, with what a change would do")
  func presets() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "training: {epochs: 20}\n".write(toFile: folder + "/mine.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      [
        "schedule", "dino", "byol", "mine.yaml", "--plot", "a.png", "--what-if", "batch=64", "--what-if",
        "epochs=50",
        "--json",
      ], in: folder)
    #expect(outcome.status == 0 && outcome.errors.contains("mine.yaml: the number of images"))
    #expect(!outcome.errors.contains("dino: the number"))
    let object = try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let names = try #require(object["schedules"] as? [[String: Any]]).map { "\($0["run"]!) \($0["name"]!)" }
    // BYOL has no temperatures.
    #expect(names.count == 11 && !names.contains("byol teacher_temperature"))
    let changes = try #require(object["what_ifs"] as? [[String: Any]])
    #expect(changes.count == 6 && changes[0]["change"] as? String == "batch=64")
    let keeping = try #require(changes[0]["momentum_keeping_images"] as? Double)
    #expect(abs(keeping - pow(0.996, 64.0 / 512)) < 1e-9)
    let bytes = try Data(contentsOf: URL(filePath: folder + "/a.png"))
    #expect(
      bytes.prefix(4) == Data([0x89, 0x50, 0x4E, 0x47]) && bytes.count > 10_000 && bytes.count < 300_000)
    let list = try Program.run(["list", "presets"])
    #expect(list.output.contains("dinov2") && list.output.contains("solo-byol-cifar10"))
  }

  @Test("A run's folder gives its configuration and how far it came; plot and CSV are written")
  func run() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    let checkpoint = folder + "/run/checkpoints/step-40"
    try FileManager.default.createDirectory(atPath: checkpoint, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "training: {steps: 100, warmupEpochs: 0}\n".write(
      toFile: folder + "/run/config.yaml", atomically: true, encoding: .utf8)
    try "step-40\n".write(toFile: folder + "/run/checkpoints/last", atomically: true, encoding: .utf8)
    let state = """
      {"step": 40, "seed": 0, "images": 640, "configurationHash": "", "dataHash": "", "kernels": "",
       "loader": {"skipped": []}, "updates": {}}
      """
    try state.write(toFile: checkpoint + "/state.json", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      ["schedule", "run", "--plot", "a.svg", "--csv", "a.csv"], in: folder)
    #expect(outcome.status == 0)
    #expect(!outcome.output.contains("1,281,167"))
    #expect(outcome.output.contains("now (39)"))
    #expect(
      try String(contentsOfFile: folder + "/a.csv", encoding: .utf8).split(separator: "\n").count == 101)
    #expect(try String(contentsOfFile: folder + "/a.svg", encoding: .utf8).hasPrefix("<svg"))
  }

  @Test(
    "Errors say what and why on standard error, with the status of their kind",
    arguments: [
      (["schedule", "nowhere"], 74, "nowhere"),
      (["schedule", "--set", "training.epoch=1"], 64, "training.epochs"),
      (["schedule", "--plot", "a.gif"], 64, ".png"),
      (["schedule", "--what-if", "batch"], 64, "batch=64"),
      (["schedule", "--what-if", "batch=0"], 64, "batchSize"),
      (["schedule", "--what-if", "images=none"], 64, "images=none"),
      (["schedule", "--axis", "days"], 64, "days"), (["schedule", "--images", "3"], 65, "3 images"),
      (["schedule", "--csv", "/nowhere/a.csv"], 74, "/nowhere"), (["nonsense"], 64, "nonsense"),
    ] as [([String], Int32, String)])
  func errors(arguments: [String], status: Int32, part: String) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == status)
    #expect(outcome.errors.hasPrefix("emanate: ") && outcome.errors.contains(part))
  }
}
