import Emanate
import Foundation
import TestSupport
import Testing

/// `chain` from the outside, with networks so thin and runs so short that only their order and their files matter.
@Suite(.serialized) struct ChainCommandTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    try TwoClasses.inFolder(testing: 3) { folder in
      // Unlabelled pictures: other ones would do as well.
      try FileManager.default.copyItem(atPath: folder + "/train/dark", toPath: folder + "/unlabelled")
      try """
      # A chain
      train: train
      test: [test]
      pretrain:
        data: {recipe: pair-whole, views: {globalSide: 16}}
        network: {architecture: resnet18, stem: cifar, channels: 8, side: 16}
        head: {hidden: 8, bottleneck: 4, prototypes: 8, batchNorm: true}
        training: {steps: 4, batchSize: 4, warmupEpochs: 0}
      finetune:
        training: {steps: 6, batchSize: 4, warmupEpochs: 0, checkpointEverySteps: 2}
      distill:
        config: distill/hinton
        network: {stem: cifar, channels: 3}
        training: {steps: 8, batchSize: 4, warmupEpochs: 0}

      """.write(toFile: folder + "/chain.yaml", atomically: true, encoding: .utf8)
      try body(folder)
    }
  }

  private func command(_ arguments: [String] = []) -> [String] {
    ["chain", "--config", "chain.yaml", "--data", "unlabelled", "--out", "out"] + arguments
  }

  /// Every file of a run but those that each look writes anew.
  private func contents(_ folder: String, _ runs: [String] = ["pretrain", "finetune", "distill", "baseline"])
    throws -> [String: Data]
  {
    var files: [String: Data] = [:]
    for run in runs {
      let place = "\(folder)/out/\(run)"
      for path in try FileManager.default.subpathsOfDirectory(atPath: place)
      where !path.hasSuffix("evaluation.json") {
        files["\(run)/\(path)"] = FileManager.default.contents(atPath: "\(place)/\(path)")
      }
    }
    return files
  }

  @Test func `four runs and a report are made, each an ordinary run, and finished ones are kept`() throws {
    try inFolder { folder in
      let summary = try Program.object(command(["--json"]), in: folder)
      #expect(summary["interrupted"] as? Bool == false)
      let stages = try #require(summary["stages"] as? [[String: Any]])
      #expect(stages.map { $0["stage"] as? String } == ["pretrain", "finetune", "distill", "baseline"])
      #expect(
        stages.map { $0["done"] as? Int } == [4, 6, 8, 8]
          && stages.allSatisfy { $0["kept"] as? Bool == false })
      for key in [
        "knn_top1", "raw_pixel_knn_top1", "random_knn_top1", "top1", "teacher_top1", "baseline_top1",
        "agreement",
      ] { #expect((0...100).contains(try #require(summary[key] as? Double)), "\(key)") }
      let (small, large) = (
        try #require(summary["student_parameters"] as? Int),
        try #require(summary["teacher_parameters"] as? Int)
      )
      #expect(4 * small < large)
      let report = try String(contentsOfFile: folder + "/out/report.md", encoding: .utf8)
      for words in ["| teacher ", "| baseline ", "| student ", "| raw pixels ", "one standard error"] {
        #expect(report.contains(words), "\(words)")
      }
      #expect(FileManager.default.fileExists(atPath: folder + "/out/report.json"))

      let judged = try Program.object(
        ["evaluate", "--weights", "out/distill", "--test", "test", "--json"], in: folder)
      #expect(judged["top1"] as? Double == summary["top1"] as? Double)
      let inspected = try Program.run(["inspect", "out/pretrain", "out/finetune"], in: folder)
      #expect(inspected.status == 0 && inspected.output.contains("of the images held out at best"))
      let metrics = try String(contentsOfFile: folder + "/out/baseline/metrics.jsonl", encoding: .utf8)
      #expect(!metrics.contains("softTargetsLoss"))

      // Neither the configuration nor the folders need be said again.
      let before = try contents(folder)
      let again = try Program.object(["chain", "--out", "out", "--resume", "--json"], in: folder)
      let kept = try #require(again["stages"] as? [[String: Any]])
      #expect(kept.count == 4 && kept.allSatisfy { $0["kept"] as? Bool == true })
      #expect(again["top1"] as? Double == summary["top1"] as? Double)
      #expect(try contents(folder) == before)
    }
  }

  @Test func `a chain that was cut goes on in its stage and ends as one that was not`() throws {
    try inFolder { folder in
      #expect(try Program.run(command(), in: folder).status == 0)
      let whole = try contents(folder)
      // As a cut within the second stage leaves it: two of six steps, and nothing later.
      for path in ["distill", "baseline", "report.md", "report.json"] {
        try FileManager.default.removeItem(atPath: "\(folder)/out/\(path)")
      }
      let checkpoints = folder + "/out/finetune/checkpoints"
      let first = try #require(
        FileManager.default.contentsOfDirectory(atPath: checkpoints).compactMap {
          $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil
        }.min())
      #expect(first < 6)
      for name in try FileManager.default.contentsOfDirectory(atPath: checkpoints)
      where name != "step-\(first)" {
        try FileManager.default.removeItem(atPath: checkpoints + "/" + name)
      }
      try "step-\(first)\n".write(toFile: checkpoints + "/last", atomically: true, encoding: .utf8)

      let planned = try Program.object(command(["--resume", "--dry-run", "--json"]), in: folder)
      let plan = try #require(planned["stages"] as? [[String: Any]])
      #expect(plan.map { $0["done"] as? Int } == [4, first, 0, 0])
      #expect(plan.map { $0["finished"] as? Bool } == [true, false, false, false])

      // What has not begun may still change; what has may not.
      let changed = try Program.run(
        command(["--resume", "--set", "finetune.training.steps=7"]), in: folder)
      #expect(changed.status == 64)
      #expect(
        changed.errors.contains(
          "finetune: out/finetune was begun with other settings: training.steps was 6, not 7"))
      let finished = try Program.run(command(["--resume", "--set", "pretrain.seed=1"]), in: folder)
      #expect(finished.status == 64 && finished.errors.contains("seed was 0, not 1"))

      let resumed = try Program.run(command(["--resume"]), in: folder)
      #expect(resumed.status == 0 && resumed.output.contains("finished already; kept"), "\(resumed.errors)")
      let files = try contents(folder)
      for (name, bytes) in whole where name.contains("step-6") || name.contains("step-8") {
        #expect(files[name] == bytes, "\(name)")
      }
      try FileManager.default.removeItem(atPath: folder + "/out/pretrain")
      let lost = try Program.run(command(["--resume"]), in: folder)
      #expect(lost.status == 64 && lost.errors.contains("out/pretrain, which it needs, is not finished"))
    }
  }

  @Test func `a chain that is told to stop saves, exits with 130 and goes on`() throws {
    try inFolder { folder in
      let process = Process()
      process.executableURL = Program.executable
      process.arguments = command(["--set", "finetune.training.steps=100000"])
      process.currentDirectoryURL = URL(filePath: folder)
      let place = URL(filePath: folder + "/output")
      try Data().write(to: place)
      process.standardOutput = try FileHandle(forWritingTo: place)
      process.standardError = FileHandle.nullDevice
      try process.run()
      let metrics = folder + "/out/finetune/metrics.jsonl"
      let deadline = Date(timeIntervalSinceNow: 60)
      while Date() < deadline, process.isRunning,
        ((try? String(contentsOfFile: metrics, encoding: .utf8))?.split(separator: "\n").count ?? 0) < 3
      { usleep(2000) }
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      #expect(process.terminationStatus == 130)
      #expect(try String(contentsOf: place, encoding: .utf8).contains("of 100000, saved in out/finetune"))
      #expect(FileManager.default.fileExists(atPath: folder + "/out/finetune/checkpoints/last"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/out/distill"))
      let begun = try Program.run(command(), in: folder)
      #expect(begun.status == 64 && begun.errors.contains("pretrain: out/pretrain holds a run already"))
      // A shorter chain in its place.
      let replaced = try Program.run(command(["--overwrite"]), in: folder)
      #expect(replaced.status == 0, "\(replaced.errors)")
    }
  }

  @Test func `what any stage would refuse is refused before the first one, and nothing is written`() throws {
    try inFolder { folder in
      func refusal(_ arguments: [String], status: Int32 = 64) throws -> String {
        let outcome = try Program.run(command(arguments), in: folder)
        #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
        return outcome.errors
      }
      func set(_ settings: String...) -> [String] { settings.flatMap { ["--set", $0] } }
      #expect(
        try refusal(set("finetune.network.channels=4")).contains(
          "finetune: start.weights: out/pretrain holds"))
      #expect(
        try refusal(set("distill.distill.terms=[hint=1]", "distill.distill.layers=[\"layer1:layer3\"]"))
          .contains("distill: `distill.terms`, hint: the student's `layer1`"))
      #expect(try refusal(set("distill.distill.sameArchitecture=true")).contains("the teacher out/finetune"))
      #expect(
        try refusal(set("pretrain.method=supervised")).contains("this stage learns features: dino, byol"))
      #expect(try refusal(set("finetune.method=dino")).contains("this stage is a run of supervised"))
      #expect(
        try refusal(set("distill.distill.teachers=[other]")).contains("a chain's teacher is out/finetune"))
      #expect(try refusal(set("finetune.start.weights=other")).contains("a chain goes on from out/pretrain"))
      #expect(try refusal(set("distill.alpha=1")).contains("did you mean `distill.distill.alpha`"))
      #expect(
        try refusal(["--student", "resnet34"] + set("distill.network.architecture=resnet50")).contains(
          "--student resnet34 and --set network.architecture=resnet50"))
      #expect(
        try refusal(set("distill.training.batchSize=400"), status: 65).contains("distill: 18 images"))
      #expect(try refusal(["--test", "unlabelled"], status: 65).contains("unlabelled"))
      let file = folder + "/chain.yaml"
      let good = try String(contentsOfFile: file, encoding: .utf8)
      try (good + "distil: x\n").write(toFile: file, atomically: true, encoding: .utf8)
      #expect(try refusal([], status: 65).contains("chain.yaml, line 15: unknown key `distil`"))
      try good.replacing("test: [test]\n", with: "").write(toFile: file, atomically: true, encoding: .utf8)
      #expect(try refusal([]).contains("--test is missing"))
      let warned = try Program.run(
        command(["--dry-run", "--test", "test"] + set("finetune.supervised.temperature=20")), in: folder)
      #expect(warned.status == 0 && warned.output.contains("Nothing was written."), "\(warned.errors)")
      #expect(warned.errors.contains("out/finetune was trained at temperature 20"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
    }
  }
}
