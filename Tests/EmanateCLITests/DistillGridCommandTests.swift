import Emanate
import Foundation
import TestSupport
import Testing

/// `distill --seeds` and `--sweep` from the outside.
@Suite(.serialized) struct DistillGridCommandTests {
  private let tests = DistillCommandTests()

  private func command(_ arguments: [String]) -> [String] {
    ["distill", "--teacher", "teacher", "--train", "train", "--test", "test", "--out", "grid"] + arguments
      + TwoClasses.quick(channels: 4)
  }

  private func checkpoints(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    let grid = folder + "/grid"
    for path in try FileManager.default.subpathsOfDirectory(atPath: grid)
    where path.hasSuffix("student.safetensors") {
      files[path] = try Data(contentsOf: URL(filePath: grid + "/" + path))
    }
    return files
  }

  @Test func `seeds are paired, the gain has an interval, and more seeds keep those that are finished`()
    throws
  {
    try tests.withTeacher { folder in
      let three = command(["--seeds", "3", "--seed", "5", "--baseline", "--json"])
      let summary = try Program.object(three, in: folder)
      #expect(summary["seeds"] as? [Int] == [5, 6, 7] && summary["single_runs"] as? Bool == false)
      let rows = try #require(summary["rows"] as? [[String: Any]])
      #expect(rows.compactMap { $0["name"] as? String } == ["baseline", "student"])
      func values(_ row: Int, _ key: String) throws -> [Double] {
        try #require((rows[row][key] as? [String: Any])?["values"] as? [Double])
      }
      let gain = try #require(rows[1]["gain"] as? [String: Any])
      let expected = SeedStatistics(gainOf: try values(1, "top1"), over: try values(0, "top1"))
      #expect(gain["values"] as? [Double] == expected.values)
      let (low, high) = (
        try #require(gain["low"] as? Double), try #require(gain["high"] as? Double)
      )
      #expect(abs(low - expected.interval!.lowerBound) < 1e-9)
      #expect(abs(high - expected.interval!.upperBound) < 1e-9)
      #expect(summary["top1"] as? Double == SeedStatistics(try values(1, "top1")).mean)
      for key in ["parameters", "bytes"] { #expect(try #require(rows[1][key] as? Int) > 0) }
      let report = try String(contentsOfFile: folder + "/grid/report.md", encoding: .utf8)
      #expect(report.contains("| student ") && report.contains("95 % interval by Student's t (2 degrees"))
      #expect(FileManager.default.fileExists(atPath: folder + "/grid/report.json"))

      let before = try checkpoints(folder)
      let again = try Program.run(three, in: folder)
      #expect(again.status == 64 && again.errors.contains("grid/baseline/seed-5 holds a run already"))
      let four = command(["--seeds", "4", "--seed", "5", "--baseline", "--resume", "--json"])
      let more = try Program.object(four, in: folder)
      #expect(more["seeds"] as? [Int] == [5, 6, 7, 8])
      let after = try checkpoints(folder)
      #expect(after.count > before.count && before.allSatisfy { after[$0.key] == $0.value })
      let other = try Program.run(four + ["--set", "distill.temperature=2"], in: folder)
      #expect(
        other.status == 64 && other.errors.contains("student: grid/student/seed-5 was begun with other"))
    }
  }

  @Test func `a sweep compares every family with the baseline, says that runs are single, and goes on`()
    throws
  {
    try tests.withTeacher { folder in
      let summary = try Program.object(
        command(["--sweep", "hinton", "rkd", "hinton+hints", "--json"]), in: folder)
      let rows = try #require(summary["rows"] as? [[String: Any]])
      #expect(rows.compactMap { $0["name"] as? String } == ["baseline", "hinton", "rkd", "hinton+hints"])
      #expect(summary["single_runs"] as? Bool == true && summary["top1"] == nil)
      #expect(rows.dropFirst().allSatisfy { $0["gain"] != nil && $0["gap"] != nil } && rows[0]["gain"] == nil)
      func metrics(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/grid/\(name)/seed-0/metrics.jsonl", encoding: .utf8)
      }
      #expect(try metrics("hinton").contains("softTargetsLoss"))
      let rkd = try metrics("rkd")
      #expect(rkd.contains("distanceLoss") && rkd.contains("angleLoss") && !rkd.contains("softTargetsLoss"))
      #expect(try metrics("hinton+hints").contains("hintLoss"))
      let report = try String(contentsOfFile: folder + "/grid/report.md", encoding: .utf8)
      #expect(report.contains("Single runs (seed 0)"))

      // As an interruption would leave it: one family half trained, one not begun.
      let before = try checkpoints(folder)
      try FileManager.default.removeItem(atPath: folder + "/grid/hinton+hints")
      let resumed = try Program.run(
        command(["--sweep", "hinton", "rkd", "hinton+hints", "pkt", "--resume"]), in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      let after = try checkpoints(folder)
      #expect(before.allSatisfy { after[$0.key] == $0.value } && after.count > before.count)
      #expect(resumed.output.contains("pkt") && resumed.output.contains("grid/report.md"))
    }
  }

  @Test func `families that cannot be are refused together, before anything is trained`() throws {
    try tests.withTeacher { folder in
      func refusal(_ arguments: [String]) throws -> String {
        let outcome = try Program.run(command(arguments), in: folder)
        #expect(outcome.status == 64 && !FileManager.default.fileExists(atPath: folder + "/grid"))
        return outcome.errors
      }
      let layers = ["--set", "distill.layers=[\"layer1:layer3\"]"]
      let shapes = try refusal(["--sweep", "hinton", "hints", "vid", "attention"] + layers)
      #expect(shapes.contains("hints: `distill.terms`, hint: the student's `layer1` 16 x 16 x 4"))
      #expect(shapes.contains("vid: `distill.terms`, variational:") && !shapes.contains("hinton:"))
      #expect(shapes.contains("name the families that can be: --sweep hinton"))
      #expect(
        try refusal(["--sweep", "hint"]).contains("there is no family of distillation `hint`; there are"))
      #expect(try refusal(["--sweep", "rkd", "rkd"]).contains("named twice"))
      #expect(
        try refusal(["--sweep", "--set", "distill.terms=[hint=1]"]).contains("--sweep sets distill.terms"))
      #expect(try refusal(["hinton"]).contains("belong to --sweep"))
      #expect(try refusal(["--seeds", "0"]).contains("at least 1"))
    }
  }

  @Test func `a training whose loss is not finite ends alone, and the command says so`() throws {
    try tests.withTeacher { folder in
      let outcome = try Program.run(
        command(["--sweep", "hinton", "hints", "--json"]) + [
          "--set", "distill.temperature=1e-44", "--set", "distill.scaleByT2=false",
        ], in: folder
      )
      #expect(outcome.status == 70 && outcome.errors.contains("trainings failed; the others are compared"))
      let summary = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
      let rows = try #require(summary["rows"] as? [[String: Any]])
      #expect((rows[1]["failures"] as? [String])?.count == 1 && (rows[1]["runs"] as? [Any])?.isEmpty == true)
      #expect((rows[2]["runs"] as? [Any])?.count == 1)
    }
  }

  @Test func `a single run is compared in a report as well, and no grid is put into its folder`() throws {
    try tests.withTeacher { folder in
      let single = try Program.object(command(["--json"]), in: folder)
      #expect(single["baseline_top1"] == nil && single["top1"] != nil)
      let report = try String(contentsOfFile: folder + "/grid/report.md", encoding: .utf8)
      #expect(report.contains("| teacher ") && report.contains("Single runs (seed 0)"))
      let grid = try Program.run(command(["--seeds", "2"]), in: folder)
      #expect(grid.status == 64 && grid.errors.contains("grid holds a single run"))
    }
  }
}
