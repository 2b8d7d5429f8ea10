import Emanate
import Foundation
import TestSupport
import Testing

/// `robustness`, and defensive distillation from its teacher to the table, from the outside.
@Suite(.serialized) struct RobustnessCommandTests {
  /// Dark and light pictures of 16 pixels, ten of each to learn from and four to test on.
  private func withPictures(_ body: (String) throws -> Void) throws {
    try TwoClasses.inFolder(testing: 4, body)
  }

  private func teach(_ run: String, channels: Int = 4, _ arguments: [String] = [], in folder: String) throws {
    let taught = try Program.run(
      [
        "finetune", "--arch", "resnet18", "--side", "16", "--train", "train", "--test", "test", "--out", run,
      ] + arguments + TwoClasses.quick(channels: channels, steps: 24, batchSize: 8), in: folder)
    try #require(taught.status == 0, "\(taught.errors)")
  }

  private static let attack = [
    "robustness", "--test", "test", "--steps", "3", "--cw-steps", "5", "--cw-search", "2", "--epsilon",
    "16/255",
  ]

  @Test func `a teacher at a temperature, its twin and the table of both`() throws {
    try withPictures { folder in
      try teach("teacher", ["--config", "finetune/defensive"], in: folder)
      let distilled = try Program.run(
        [
          "distill", "--teacher", "teacher", "--train", "train", "--test", "test", "--out", "twin",
          "--config",
          "distill/defensive", "--set", "training.steps=24", "--set", "training.batchSize=8", "--set",
          "training.learningRate=0.3",
        ], in: folder)
      try #require(distilled.status == 0, "\(distilled.errors)")
      let settings = try String(contentsOfFile: folder + "/twin/config.yaml", encoding: .utf8)
      // Nothing was said of the network: it is the teacher's.
      for line in ["channels: 4", "stem: cifar", "temperature: 20", "alpha: 0", "sameArchitecture: true"] {
        #expect(settings.contains(line), "\(line)")
      }
      let metrics = try String(contentsOfFile: folder + "/twin/metrics.jsonl", encoding: .utf8)
      #expect(metrics.contains("softTargetsLoss") && !metrics.contains("labelsLoss"))

      let command = Self.attack + ["--weights", "teacher", "twin"]
      let report = try Program.object(command + ["--json"], in: folder)
      let classifiers = try #require(report["classifiers"] as? [[String: Any]])
      #expect(classifiers.map { $0["weights"] as? String } == ["teacher", "twin"])
      for classifier in classifiers {
        let clean = try #require(classifier["clean_top1"] as? Double)
        let attacks = try #require(classifier["attacks"] as? [[String: Any]])
        #expect(attacks.map { $0["attack"] as? String } == ["fgsm", "pgd", "pgd-margin", "cw", "transfer"])
        for attack in attacks { #expect(try #require(attack["top1"] as? Double) <= clean) }
        #expect((0...100).contains(try #require(classifier["vanishing_gradient"] as? Double)))
      }
      #expect(report["images"] as? Int == 8)
      let table = try Program.run(command + ["--threads", "1"], in: folder)
      let lines = table.output.split(separator: "\n")
      #expect(table.status == 0 && lines[1].contains("teacher") && lines[1].contains("twin"))
      #expect(lines.contains { $0.hasPrefix("transfer from twin") })
      #expect(lines.contains { $0.hasPrefix("loss gradient vanishing") })
      let again = try Program.object(command + ["--json", "--threads", "1"], in: folder)
      #expect(
        try #require(again["classifiers"] as? [NSDictionary]) == report["classifiers"] as? [NSDictionary])
    }
  }

  @Test func `a student of another architecture is no twin, and is refused before training`() throws {
    try withPictures { folder in
      try teach("teacher", ["--config", "finetune/defensive"], in: folder)
      let command = [
        "distill", "--teacher", "teacher", "--train", "train", "--out", "never", "--set",
        "training.batchSize=8", "--config",
        "distill/defensive",
      ]
      for other in [
        ["--student", "mobilenet_v2"], ["--set", "network.channels=8"], ["--student", "resnet18"],
      ] {
        let outcome = try Program.run(command + other, in: folder)
        #expect(outcome.status == 64 && outcome.errors.contains("distill.sameArchitecture"), "\(other)")
        #expect(outcome.errors.contains("teacher"), "\(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/never"))
    }
  }

  @Test func `what cannot be attacked is refused with its names`() throws {
    try withPictures { folder in
      try teach("a", in: folder)
      func refusal(_ arguments: [String], _ status: Int32, _ words: String...) throws {
        let outcome = try Program.run(["robustness"] + arguments, in: folder)
        #expect(outcome.status == status && outcome.output.isEmpty, "\(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
      }
      let whole = ["--weights", "a", "--test", "test"]
      try refusal(whole + ["--attacks", "fgsm", "pdg"], 64, "no attack `pdg`", "pgd-margin")
      try refusal(whole + ["--attacks", "transfer"], 64, "names one only")
      try refusal(whole + ["--attacks", "pgd", "pgd"], 64, "twice")
      try refusal(["--weights", "a", "a", "--test", "test"], 64, "twice")
      try refusal(whole + ["--epsilon=-8/255"], 64, "--epsilon: -8/255")
      try refusal(whole + ["--epsilon", "8"], 64, "8 of 255 is written 8/255")
      try refusal(whole + ["--epsilon", "1/0"], 64, "1/0")
      try refusal(whole + ["--epsilon-l2=-1"], 64, "--epsilon-l2: -1")
      try refusal(whole + ["--step-size", "0"], 64, "--step-size: 0")
      for option in ["--steps", "--restarts", "--cw-search", "--cw-steps"] {
        try refusal(whole + [option, "0"], 64, "\(option): 0; at least 1")
      }
      try refusal(whole + ["--images=-1"], 64, "--images: -1")
      try refusal(["--weights", "b", "--test", "test"], 74, "b")

      // Another size cannot take over images, and is attacked by itself all the same.
      let other = try Program.run(
        [
          "finetune", "--arch", "resnet18", "--side", "24", "--train", "train", "--test", "test", "--out",
          "b",
        ]
          + TwoClasses.quick(channels: 4, steps: 24, batchSize: 8), in: folder)
      try #require(other.status == 0, "\(other.errors)")
      try refusal(
        ["--weights", "a", "b", "--test", "test"], 64, "a reads images of 16 pixels", "b of 24 pixels")
      let alone = try Program.object(
        Self.attack + ["--weights", "a", "b", "--attacks", "fgsm", "--images", "3", "--json"], in: folder)
      #expect(alone["images"] as? Int == 3)

      try FileManager.default.moveItem(atPath: folder + "/test/light", toPath: folder + "/test/bright")
      try refusal(whole, 65, "a, on test", "bright, dark", "dark, light")
    }
  }
}
