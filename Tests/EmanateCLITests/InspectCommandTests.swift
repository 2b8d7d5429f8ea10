import Foundation
import Testing

@Suite("emanate inspect")
struct InspectCommandTests {
  @Test("Verdict and findings of every run, as text and as one JSON object")
  func verdicts() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, text) in [
      ("good", #"{"step":0,"loss":2,"collapse":"healthy"}"#),
      ("bad", #"{"step":0,"loss":2,"collapse":"oneHot"}"#), ("old", #"{"step":0,"loss":2}"#),
    ] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
      try (text + "\n").write(toFile: "\(folder)/\(name)/metrics.jsonl", atomically: true, encoding: .utf8)
    }
    try "dino: {centering: off}\n".write(
      toFile: folder + "/bad/config.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(["inspect", "good", "bad", "old", "--json"], in: folder)
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    let runs = try #require(object?["runs"] as? [[String: Any]])
    #expect(runs.map { $0["verdict"] as? String } == ["healthy", "oneHot", nil])
    #expect(runs.allSatisfy { $0.keys.contains("verdict") && $0["steps"] as? Int == 1 })
    let findings = try #require(runs[1]["findings"] as? [String])
    #expect(findings.contains { $0.contains("dino.centering is off") })
    let changes = try #require(runs[1]["changes"] as? [[String: String]])
    #expect(changes.first?["setting"] == "dino.centering" && changes.first?["to"] == "ema")
    let text = try Program.run(["inspect", "good", "old"], in: folder).output
    #expect(text.contains("good: healthy") && text.contains("old: unknown"))
    let labelled = #"{"step":4,"loss":2,"validationTop1":61.5,"validationLoss":1.25}"#
    try FileManager.default.createDirectory(atPath: folder + "/tuned", withIntermediateDirectories: true)
    try (labelled + "\n" + labelled.replacing("4", with: "8").replacing("61.", with: "60.") + "\n").write(
      toFile: folder + "/tuned/metrics.jsonl", atomically: true, encoding: .utf8)
    try "method: supervised\nvalidation: {share: 0.1}\n".write(
      toFile: folder + "/tuned/config.yaml", atomically: true, encoding: .utf8)
    let tuned = try Program.run(["inspect", "tuned"], in: folder).output
    #expect(tuned.contains("tuned: learns from labels or teachers: 61.50 % of the images held out at best"))
    #expect(tuned.contains("held out (10 % of each class): 61.5 % after 4 steps, 60.5 % after 8"))
    let told = try Program.object(["inspect", "tuned", "--json"], in: folder)
    let entry = try #require((told["runs"] as? [[String: Any]])?.first)
    #expect(entry["best_top1"] as? Double == 61.5 && entry["best_step"] as? Int == 4)
    #expect(entry["verdict"] is NSNull)
    let missing = try Program.run(["inspect", "nowhere"], in: folder)
    #expect(missing.status == 74 && missing.errors.contains("nowhere/metrics.jsonl"))

    let report = try Program.run(["inspect", "good", "bad", "--out", "a.html", "--json"], in: folder)
    #expect(report.status == 0 && report.errors.contains("--data names their folder"))
    let page = try String(contentsOfFile: folder + "/a.html", encoding: .utf8)
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("data-verdict=\"oneHot\""))
    let plotted = try Program.run(["inspect", "good", "bad", "--plot", "a.svg"], in: folder)
    #expect(plotted.status == 0 && plotted.output.contains("bad: collapsed"), "\(plotted)")
    let plot = try String(contentsOfFile: folder + "/a.svg", encoding: .utf8)
    #expect(plot.contains("How good, bad went") && plot.contains(">Loss<"))
    try #"{"step":0,"collapse":"healthy"}"#.write(
      toFile: folder + "/old/metrics.jsonl", atomically: true, encoding: .utf8)
    let empty = try Program.run(["inspect", "old", "--plot", "b.svg"], in: folder)
    #expect(empty.status == 65 && empty.errors.contains("nothing to draw in old"))
    for (arguments, status, part) in [
      (["--out", "a.pdf"], 64, ".html"), (["--plot", "a.pdf"], 64, "a.pdf"),
      (["--plot", "/nowhere/a.png"], 74, "/nowhere"), (["--data", "x"], 64, "--out"),
      (["--out", "a.html", "--data", "x"], 74, "x"),
      (["--out", "/nowhere/a.html", "--images", "0"], 74, "/nowhere"), (["--images=-1"], 64, "-1"),
    ] as [([String], Int32, String)] {
      let failed = try Program.run(["inspect", "good"] + arguments, in: folder)
      #expect(failed.status == status && failed.errors.contains(part), "\(failed.errors)")
    }
  }
}
