import ArgumentParser
import EmanateTraining
import Foundation

/// `emanate inspect`: what runs' metrics say about how they went.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says of runs whether they are healthy or collapsed, and what shows it.",
    discussion: """
      Reads metrics.jsonl and the newest checkpoint's state, so a run may still be going on. The verdict is what the watch over collapse said last
      (collapse.everySteps): notStarted, healthy, uniform, oneHot or dimensional. Runs from labels or teachers have none;
      what the images held out have shown stands there.

      Example: emanate inspect runs/first runs/second
      """)

  @Argument(help: "Runs' folders.")
  var runs: [String]

  @OptionGroup var output: OutputOptions

  func run() throws {
    let entries = try runs.map { Entry($0, try RunInspection(RunFolder($0))) }
    output.result(["runs": entries], text: entries.map(\.text).joined(separator: "\n\n"))
  }

  private struct Entry: Encodable {
    let run: String
    let steps: Int
    let verdict: String?
    let best_top1: Double?
    let best_step: Int?
    let findings: [String]
    let text: String

    init(_ run: String, _ inspection: RunInspection) {
      (self.run, steps, findings) = (run, inspection.steps, inspection.findings)
      verdict = inspection.verdict?.rawValue
      (best_top1, best_step) = (inspection.best?.top1, inspection.best?.done)
      text = (["\(run.printable): " + inspection.summary] + findings.map { "  " + $0 }).joined(
        separator: "\n")
    }

    enum CodingKeys: CodingKey { case run, steps, verdict, best_top1, best_step, findings }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(run, forKey: .run)
      try container.encode(steps, forKey: .steps)
      try container.encode(verdict, forKey: .verdict)  // null where unknown: the key is always there
      try container.encodeIfPresent(best_top1, forKey: .best_top1)
      try container.encodeIfPresent(best_step, forKey: .best_step)
      try container.encode(findings, forKey: .findings)
    }
  }
}
