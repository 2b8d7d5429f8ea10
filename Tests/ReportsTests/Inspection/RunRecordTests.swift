import EmanateReports
import EmanateTraining
import Foundation
import Testing

@Suite("Run records")
struct RunRecordTests {
  @Test("A record has the metrics by key, the layers in the network's order, and the verdict's changes")
  func whole() throws {
    let made = try MadeRun(steps: 400)
    try made.write(
      "{\"step\":3,\"path\":\"a.png\",\"reason\":\"not an image\"}\n{\"step\":9,\"torn", "skipped.jsonl")
    let record = try RunRecord(RunFolder(made.path), name: "mine")
    #expect(record.inspection.steps == 400 && record.inspection.verdict == .healthy)
    #expect(record.curves["loss"]?.last?.step == 399)
    // Entropy of the mean target less the mean entropy.
    let information = try #require(record.curves["targetInformation"]?.points().first)
    #expect(abs(information.y - (4.1 - 0.8 * 4.2)) < 0.1)
    #expect(record.layers.map(\.name) == ["stem", "blocks.0", "blocks.2", "blocks.10", "head"])
    #expect(record.verdicts.map(\.verdict) == [.notStarted, .healthy])
    #expect(record.verdicts.map(\.from) == [0, 100] && record.verdicts.map(\.to) == [50, 350])
    #expect(record.waiting.last?.value == 0.3 && record.rate.last?.value == 320)
    #expect(record.skippedCount == 1 && record.skipped.first?.path == "a.png")
    #expect(record.settings.head.prototypes == 64 && record.distillation == nil)
  }

  @Test("A folder without metrics is an error that names the file")
  func missing() {
    #expect {
      _ = try RunRecord(RunFolder("/nowhere"), name: "x")
    } throws: {
      "\($0)".contains("/nowhere/metrics.jsonl")
    }
  }

  @Test("Accuracies of a distillation are found beside the run and two folders above")
  func distilled() throws {
    let report = """
      {"teacher_top1": 90, "rows": [{"name": "baseline", "top1": {"mean": 80}}, {"name": "student", "top1": {"mean": 85}},
       {"name": "failed", "top1": null}]}
      """
    let made = try MadeRun(steps: 1)
    try made.write(report, "report.json")
    let below = made.path + "/hinton/seed-0"
    try FileManager.default.createDirectory(atPath: below, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: made.path + "/metrics.jsonl", toPath: below + "/metrics.jsonl")
    for path in [made.path, below] {
      let rows = try #require(RunRecord(RunFolder(path), name: "x").distillation?.rows)
      #expect(rows.map(\.name) == ["teacher", "student without a teacher", "student"])
      #expect(rows.map(\.top1) == [90, 80, 85])
    }
  }
}
