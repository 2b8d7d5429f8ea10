import Emanate
import Foundation
import TestSupport
import Testing

/// `distill` from the outside.
@Suite(.serialized) struct DistillCommandTests {
  func withTeacher(_ architecture: String = "resnet18", channels: Int = 8, _ body: (String) throws -> Void)
    throws
  {
    try TwoClasses.inFolder(testing: 3) { folder in
      let taught = try Program.run(
        [
          "finetune", "--arch", architecture, "--side", "16", "--train", "train", "--test", "test", "--out",
          "teacher",
        ]
          + TwoClasses.quick(channels: channels), in: folder)
      try #require(taught.status == 0, "\(taught.errors)")
      try body(folder)
    }
  }

  @Test(arguments: [
    ("resnet50-to-mobilenet", "resnet50", "mobilenet_v2"), ("resnet152-to-resnet18", "resnet152", "resnet18"),
  ])
  func `the configurations for pairs of architectures teach such a pair`(
    name: String, teacher: String, student: String
  ) throws {
    try withTeacher(teacher, channels: 4) { folder in
      let summary = try Program.object(
        [
          "distill", "--config", "distill/\(name)", "--teacher", "teacher", "--train", "train", "--test",
          "test",
          "--out", "small", "--set", "training.steps=3", "--set", "training.batchSize=4", "--json",
        ], in: folder)
      #expect((0...100).contains(try #require(summary["top1"] as? Double)))
      let used = try String(contentsOfFile: "\(folder)/small/config.yaml", encoding: .utf8)
      #expect(used.contains("architecture: \(student)"))
    }
  }

  @Test func `a student, its baseline and its teacher are compared, and the student goes on by itself`()
    throws
  {
    try withTeacher { folder in
      let command =
        [
          "distill", "--teacher", "teacher", "--train", "train", "--test", "test", "--out", "small",
          "--baseline",
        ]
        + TwoClasses.quick(channels: 4) + ["--set", "distill.terms=[hint=1, distance=25]", "--json"]
      let summary = try Program.object(command, in: folder)
      for key in ["top1", "teacher_top1", "baseline_top1", "agreement"] {
        #expect((0...100).contains(try #require(summary[key] as? Double)), "\(key)")
      }
      #expect(
        try #require(summary["student_parameters"] as? Int) * 3 < #require(
          summary["teacher_parameters"] as? Int))
      // The connector of `hint` stays behind.
      let judged = try Program.object(
        ["evaluate", "--weights", "small", "--test", "test", "--json"], in: folder)
      #expect(judged["top1"] as? Double == summary["top1"] as? Double)
      let metrics = try String(contentsOfFile: folder + "/small-baseline/metrics.jsonl", encoding: .utf8)
      #expect(!metrics.contains("softTargetsLoss"))

      let again = try Program.run(command, in: folder)
      #expect(again.status == 64 && again.errors.contains("holds a run already"))
      let resumed = try Program.object(command + ["--resume"], in: folder)
      #expect(resumed["top1"] as? Double == summary["top1"] as? Double)
    }
  }

  @Test func `features are taught without any label, from folders without classes`() throws {
    try withTeacher { folder in
      let pretrained = try Program.run(
        [
          "pretrain", "--data", "train", "--out", "features", "--set", "network.architecture=resnet18",
          "--set", "network.side=16", "--set", "data.views.globalSide=16", "--set", "data.views.locals=0",
          "--set", "head.prototypes=8", "--set", "head.hidden=8",
        ] + TwoClasses.quick(channels: 8), in: folder)
      try #require(pretrained.status == 0, "\(pretrained.errors)")
      let command =
        [
          "distill", "--teacher", "features", "--train", "train/dark", "--out", "small", "--set",
          "distill.terms=[similarity=3000]", "--json",
        ] + TwoClasses.quick(channels: 4)
      // Sixteen steps of four of ten pictures are several passes.
      #expect(try Program.object(command, in: folder)["steps"] as? Int == 16)
      let metrics = try String(contentsOfFile: folder + "/small/metrics.jsonl", encoding: .utf8)
      #expect(metrics.contains("similarityLoss") && !metrics.contains("labelsLoss"))
      let judged = try Program.run(
        ["distill", "--teacher", "features", "--train", "train", "--test", "test", "--out", "never"],
        in: folder)
      #expect(judged.status == 64 && judged.errors.contains("the teacher features has no classifier"))
      let held = try Program.run(
        [
          "distill", "--teacher", "features", "--train", "train", "--out", "never", "--set",
          "distill.terms=[similarity=1]", "--set", "validation.share=0.2",
        ] + TwoClasses.quick(channels: 4), in: folder)
      #expect(held.status == 64 && held.errors.contains("validation.share"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/never"))
    }
  }

  @Test func `layers are listed with their shapes, and what does not fit is refused before training`() throws
  {
    try withTeacher { folder in
      let listed = try Program.object(
        ["distill", "--teacher", "teacher", "--list-layers", "--json"] + TwoClasses.quick(channels: 4),
        in: folder
      )
      let layers = try #require(listed["student"] as? [[String: Any]])
      #expect(
        layers.first?["path"] as? String == "layer1.0" && layers.first?["shape"] as? [Int] == [16, 16, 4])
      #expect(listed["teacher_features"] as? Int == 64)

      func refusal(_ arguments: [String]) throws -> (status: Int32, errors: String) {
        let outcome = try Program.run(
          ["distill", "--teacher", "teacher", "--train", "train", "--out", "never"] + arguments
            + TwoClasses.quick(channels: 4), in: folder)
        #expect(!FileManager.default.fileExists(atPath: folder + "/never"))
        return (outcome.status, outcome.errors)
      }
      let layer = try refusal([
        "--set", "distill.terms=[hint=1]", "--set", "distill.layers=[\"layer1:layer7\"]",
      ])
      #expect(layer.status == 64 && layer.errors.contains("has no layer `layer7`; it has layer1.0"))
      let term = try refusal(["--set", "distill.terms=[hunt=1]"])
      #expect(term.status == 64 && term.errors.contains("there is no such term; there are standardized"))
      let lone = try refusal(["--baseline"])
      #expect(lone.status == 64 && lone.errors.contains("--baseline needs --test"))
      try FileManager.default.moveItem(atPath: folder + "/test/light", toPath: folder + "/test/bright")
      let classes = try refusal(["--test", "test"])
      #expect(classes.status == 65 && classes.errors.contains("bright, dark"))
    }
  }

  @Test func `--student counts more than a configuration, and contradicts --set by name`() throws {
    try withTeacher { folder in
      func layers(_ arguments: String...) throws -> (status: Int32, path: String, errors: String) {
        let outcome = try Program.run(
          ["distill", "--teacher", "teacher", "--list-layers", "--json", "--config", "own.yaml"] + arguments,
          in: folder)
        let object = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let first = (object?["student"] as? [[String: Any]])?.first?["path"] as? String
        return (outcome.status, first ?? "", outcome.errors)
      }
      try "network: {architecture: mobilenet_v2}".write(
        toFile: folder + "/own.yaml", atomically: true, encoding: .utf8)
      #expect(try layers().path.hasPrefix("features."))
      #expect(try layers("--student", "resnet18").path == "layer1.0")
      #expect(try layers("--set", "network.architecture=resnet18").path == "layer1.0")
      let both = ["--student", "resnet18", "--set", "network.architecture="]
      #expect(try layers(both[0], both[1], both[2], both[3] + "resnet18").status == 0)
      let refused = try layers(both[0], both[1], both[2], both[3] + "resnet34")
      #expect(refused.status == 64 && refused.errors.contains("--student resnet18 and --set network.archit"))
      #expect(refused.errors.contains("resnet34 name different architectures"))
    }
  }

  @Test func `a teacher cache is filled once, shared by seeds and families, and refused for another teacher`()
    throws
  {
    try withTeacher { folder in
      func command(_ teacher: String, _ out: String) -> [String] {
        [
          "distill", "--teacher", teacher, "--train", "train", "--test", "test", "--out", out,
          "--teacher-cache", "cache",
        ] + TwoClasses.quick(channels: 4)
      }
      let first = try Program.run(command("teacher", "small"), in: folder)
      #expect(first.status == 0 && first.errors.contains("kept in cache, which holds 0 views"))
      let config = try String(contentsOfFile: folder + "/small/config.yaml", encoding: .utf8)
      #expect(config.contains("fixed: 1") && config.contains("cache: cache"))
      let grid = try Program.run(
        command("teacher", "grid") + ["--sweep", "hinton", "dist", "--seeds", "2"], in: folder)
      #expect(grid.status == 0, "\(grid.errors)")
      // Eighteen of twenty pictures are learned from, other ones under another seed.
      #expect(grid.errors.contains("kept in cache, which holds 18 views"))
      #expect(!grid.errors.contains("kept in cache, which holds 0 views"))

      let other = try Program.run(command("small", "never"), in: folder)
      #expect(
        other.status == 64 && other.errors.contains("the teacher cache cache holds the outputs of teacher "))
      #expect(
        other.errors.contains("not of small ") && !FileManager.default.fileExists(atPath: folder + "/never"))
    }
  }
}
