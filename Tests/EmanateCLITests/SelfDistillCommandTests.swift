import Emanate
import Foundation
import TestSupport
import Testing

/// `distill` without a teacher: generations, and students that teach themselves or one another.
@Suite(.serialized) struct SelfDistillCommandTests {
  private func command(_ out: String, _ arguments: [String]) -> [String] {
    ["distill", "--side", "16", "--train", "train", "--test", "test", "--out", out] + arguments
      + TwoClasses.quick(channels: 4)
  }

  private func rows(_ summary: [String: Any]) throws -> [[String: Any]] {
    try #require(summary["rows"] as? [[String: Any]])
  }

  private func files(_ folder: String, ending: String) throws -> [String: Data] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(ending) }
    return Dictionary(
      uniqueKeysWithValues: try paths.map { ($0, try Data(contentsOf: URL(filePath: folder + "/" + $0))) })
  }

  @Test func `each generation is a run of its own, taught by the one before, and finished ones are kept`()
    throws
  {
    try TwoClasses.inFolder(testing: 3) { folder in
      let born = command("born", ["--config", "distill/born-again", "--generations", "2", "--json"])
      let summary = try Program.object(born, in: folder)
      #expect(
        try rows(summary).compactMap { $0["name"] as? String } == [
          "generation-0", "generation-1", "generation-2",
        ])
      #expect(summary["teacher"] == nil && summary["teacher_top1"] == nil)
      #expect(summary["top1"] is Double && summary["baseline_top1"] is Double)
      #expect(try rows(summary).dropFirst().allSatisfy { $0["gain"] != nil && $0["top1"] != nil })
      let settings = try (0...2).map {
        try RunFolder("\(folder)/born/generation-\($0)").savedConfiguration()
      }
      #expect(settings.map(\.method) == ["supervised", "distillation", "distillation"])
      #expect(settings.map(\.distill.teachers) == [[], ["born/generation-0"], ["born/generation-1"]])
      // Other first weights than the one before.
      #expect(Set(settings.map(\.seed)).count == 3)

      let before = try files(folder + "/born", ending: "student.safetensors")
      try FileManager.default.removeItem(atPath: folder + "/born/generation-2")
      _ = try Program.object(born + ["--resume"], in: folder)
      let after = try files(folder + "/born", ending: "student.safetensors")
      #expect(after == before)

      // A network that is there already takes the place of generation 0.
      let more = try Program.object(
        command("more", ["--teacher", "born/generation-0", "--generations", "1", "--baseline", "--json"]),
        in: folder)
      #expect(try rows(more).compactMap { $0["name"] as? String } == ["baseline", "generation-1"])
      #expect(more["teacher_top1"] is Double)
      let other = try Program.run(
        command("never", ["--teacher", "born/generation-0", "--student", "resnet34", "--generations", "1"]),
        in: folder)
      #expect(other.status == 64 && other.errors.contains("is not built as the teacher born/generation-0"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/never"))
    }
  }

  @Test func `families without a teacher are swept with seeds, the baseline as their generation 0`() throws {
    try TwoClasses.inFolder(testing: 3) { folder in
      let sweep = command(
        "grid", ["--sweep", "mutual", "tf-kd-self", "ema-teacher", "--seeds", "2", "--json"])
      let summary = try Program.object(sweep, in: folder)
      #expect(
        try rows(summary).compactMap { $0["name"] as? String } == [
          "baseline", "mutual", "tf-kd-self/generation-1", "ema-teacher",
        ])
      #expect(try rows(summary).allSatisfy { ($0["runs"] as? [Any])?.count == 2 })
      let twin = try RunFolder("\(folder)/grid/tf-kd-self/generation-1/seed-1").savedConfiguration()
      #expect(twin.distill.teachers == ["grid/baseline/seed-1"] && twin.distill.temperature == 20)
      // The student and its peer, each on its own.
      let runs = try #require(try rows(summary)[1]["runs"] as? [[String: Any]])
      let peers = try runs.map { try #require($0["peers"] as? [[String: Any]]) }
      #expect(
        peers.allSatisfy { $0.count == 1 && $0[0]["parameters"] as? Int == runs[0]["parameters"] as? Int })
      let report = try String(contentsOfFile: folder + "/grid/report.md", encoding: .utf8)
      #expect(report.contains("mutual: students that learned beside it") && !report.contains("\n| teacher"))
      let before = try files(folder + "/grid", ending: "safetensors")
      _ = try Program.object(sweep + ["--resume"], in: folder)
      let after = try files(folder + "/grid", ending: "safetensors")
      #expect(after == before)
    }
  }

  @Test(arguments: ["be-your-own-teacher", "tf-kd", "mutual", "ema-teacher"])
  func `a family's configuration trains a student that is as small as its baseline`(name: String) throws {
    try TwoClasses.inFolder(testing: 3) { folder in
      let summary = try Program.object(
        command("small", ["--config", "distill/\(name)", "--baseline", "--json"]), in: folder)
      let rows = try rows(try #require(summary["comparison"] as? [String: Any]))
      #expect(rows.compactMap { $0["name"] as? String } == ["baseline", "student"])
      for key in ["parameters", "bytes"] { #expect(rows[0][key] as? Int == rows[1][key] as? Int) }
      let judged = try Program.object(
        ["evaluate", "--weights", "small", "--test", "test", "--json"], in: folder)
      #expect(judged["top1"] as? Double == summary["top1"] as? Double)
      let metrics = try String(contentsOfFile: folder + "/small/metrics.jsonl", encoding: .utf8)
      #expect(metrics.contains("labelsLoss") && !metrics.contains("softTargetsLoss"))
    }
  }

  @Test func `what contradicts itself is refused before training`() throws {
    try DistillCommandTests().withTeacher { folder in
      func refusal(_ arguments: [String]) throws -> String {
        let outcome = try Program.run(command("never", arguments), in: folder)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/never"))
        return outcome.errors
      }
      let idle = try refusal(["--teacher", "teacher", "--config", "distill/mutual"])
      #expect(idle.contains("--teacher teacher: nothing would learn from it") && idle.contains("peers=1"))
      #expect(
        try refusal([]).contains("`distill.teachers` is empty, and the method distillation needs a teacher"))
      #expect(
        try refusal(["--config", "distill/mutual", "--set", "distill.peers.networks=[]"]).contains(
          "so the student (resnet18"))
      #expect(
        try refusal(["--student", "vit_tiny", "--config", "distill/be-your-own-teacher"]).contains(
          "no maps but tokens"))
      #expect(try refusal(["--generations", "0"]).contains("at least 1"))
      #expect(
        try refusal(["--teacher-cache", "kept", "--config", "distill/tf-kd"]).contains(
          "there is no --teacher"))
      #expect(
        try refusal(["--teacher", "teacher", "--teacher-cache", "kept", "--generations", "2"]).contains(
          "each has another"))
      #expect(try refusal(["--sweep", "mutual", "rkd"]).contains("the family rkd learns from a --teacher"))
      #expect(try refusal(["--sweep", "--generations", "2"]).contains("--sweep sets distill.terms"))
      let layers = try refusal([
        "--generations", "2", "--set", "distill.terms=[hint=1]", "--set",
        "distill.layers=[\"layer2:layer9\"]",
      ])
      #expect(
        layers.contains("generation-1: `distill.layers`: the teacher of the generation before has no layer"))

      let untested = try Program.run(
        ["distill", "--side", "16", "--train", "train", "--out", "never", "--generations", "1"], in: folder)
      #expect(untested.status == 64 && untested.errors.contains("--test is needed"))
      let listed = try Program.object(
        ["distill", "--side", "16", "--list-layers", "--json"] + TwoClasses.quick(channels: 4), in: folder)
      #expect((listed["student"] as? [Any])?.count == 8 && listed["teacher"] == nil)
    }
  }
}
