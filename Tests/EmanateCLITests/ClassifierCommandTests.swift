import Emanate
import Foundation
import TestSupport
import Testing

/// `finetune`, `evaluate` and `predict` from the outside.
@Suite(.serialized) struct ClassifierCommandTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func makeClasses(_ folder: String, _ names: [String], count: Int) throws {
    for (place, name) in names.enumerated() {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
      for number in 0..<count {
        let pixels = (0..<16 * 16 * 3).map { UInt8(($0 * 37 + number * 11) % 60 + place * 90) }
        try PNGEncoder().write(
          Image(width: 16, height: 16, pixels: pixels), to: "\(folder)/\(name)/\(number).png")
      }
    }
  }

  private static let quick = [
    "network.channels=4", "network.stem=cifar", "training.steps=20", "training.batchSize=4",
    "training.learningRate=0.3", "training.warmupEpochs=0",
  ].flatMap { ["--set", $0] }

  @Test func `a network is trained, tested, and tells the classes of new images`() throws {
    try withFolder { folder in
      try makeClasses(folder + "/train", ["dark", "grey, light"], count: 10)
      try makeClasses(folder + "/test", ["dark", "grey, light"], count: 3)
      try Data("none".utf8).write(to: URL(filePath: folder + "/test/dark/broken.png"))
      let tuned = try Program.run(
        [
          "finetune", "--arch", "resnet18", "--side", "16", "--train", "train", "--test", "test", "--out",
          "run", "--json",
        ]
          + Self.quick, in: folder)
      try #require(tuned.status == 0, "\(tuned.errors)")
      let summary = try #require(
        try JSONSerialization.jsonObject(with: Data(tuned.output.utf8)) as? [String: Any])
      #expect(try #require(summary["top1"] as? Double) >= 90 && summary["steps"] as? Int == 20)
      #expect(FileManager.default.fileExists(atPath: folder + "/run/evaluation.json"))

      let judged = try Program.run(
        ["evaluate", "--weights", "run", "--test", "test", "--json"], in: folder)
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(judged.output.utf8)) as? [String: Any])
      #expect(report["top1"] as? Double == summary["top1"] as? Double)
      #expect(report["classes"] as? [String] == ["dark", "grey, light"] && report["skipped"] as? Int == 1)
      #expect(judged.errors.contains("broken.png"))

      for (file, lines) in [("out.csv", 7), ("out.jsonl", 6)] {
        let told = try Program.run(
          ["predict", "--weights", "run", "--data", "test", "--out", file], in: folder)
        try #require(told.status == 0, "\(told.errors)")
        let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
        #expect(text.split(separator: "\n").count == lines)
        #expect(text.contains("grey, light/0.png"))
      }
      let table = try String(contentsOfFile: folder + "/out.csv", encoding: .utf8)
      #expect(table.hasPrefix("path,class,probability\ndark/0.png,dark,"))
      #expect(table.contains("\"grey, light/0.png\",\"grey, light\","))

      // Its features go on as they are, and so does the network.
      let again = try Program.run(
        ["finetune", "--weights", "run", "--train", "train", "--test", "test", "--out", "more"] + [
          "--set", "training.steps=2", "--set", "training.batchSize=4",
        ], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      let config = try String(contentsOfFile: folder + "/more/config.yaml", encoding: .utf8)
      #expect(
        config.contains("channels: 4") && config.contains("stem: cifar") && config.contains("globalSide: 16"))
    }
  }

  @Test func `folders of other classes are refused with both lists, before anything is trained`() throws {
    try withFolder { folder in
      try makeClasses(folder + "/train", ["cat", "dog"], count: 6)
      try makeClasses(folder + "/test", ["cat", "cow"], count: 3)
      let refused = try Program.run(
        [
          "finetune", "--arch", "resnet18", "--side", "16", "--train", "train", "--test", "test", "--out",
          "run",
        ],
        in: folder)
      #expect(refused.status == 65 && !FileManager.default.fileExists(atPath: folder + "/run"))
      #expect(
        refused.errors.contains("the folder's:  cat, cow") && refused.errors.contains("network's: cat, dog"))
      _ = try Program.run(
        [
          "finetune", "--arch", "resnet18", "--side", "16", "--train", "train", "--test", "train", "--out",
          "run",
        ]
          + Self.quick, in: folder)
      let other = try Program.run(["evaluate", "--weights", "run", "--test", "test"], in: folder)
      #expect(other.status == 65 && other.errors.contains("cat, cow") && other.errors.contains("cat, dog"))
    }
  }

  @Test func `weights without a classifier, and files of other names, are refused by name`() throws {
    try withFolder { folder in
      try makeClasses(folder + "/test", ["cat", "cow"], count: 3)
      let store = try Program.run(
        [
          "pretrain", "--data", "test", "--out", "features", "--set", "network.architecture=resnet18",
          "--set", "network.channels=4", "--set", "network.stem=cifar", "--set", "network.side=16",
          "--set", "data.views.globalSide=16", "--set", "data.views.locals=0", "--set", "training.steps=1",
          "--set", "training.batchSize=4", "--set", "head.prototypes=8", "--set", "head.hidden=8",
        ], in: folder)
      try #require(store.status == 0, "\(store.errors)")
      let refused = try Program.run(["evaluate", "--weights", "features", "--test", "test"], in: folder)
      #expect(
        refused.status == 65
          && refused.errors.contains("it has no classifier behind its features (32 numbers)"))
      let named = try Program.run(
        ["predict", "--weights", "features", "--data", "test", "--out", "told.txt"], in: folder)
      #expect(named.status == 64 && named.errors.contains("does not end in .csv or .jsonl"))
    }
  }
}
