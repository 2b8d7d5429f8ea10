import ArgumentParser
import EmanateTraining
import Foundation

/// `emanate inspect`: what runs' metrics say about how they went.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says of runs whether they are healthy or collapsed, and what shows it.",
    discussion: """
      Reads metrics.jsonl only, so a run may still be going on. The verdict is what the watch over collapse said last
      (collapse.everySteps): notStarted, healthy, uniform, oneHot or dimensional.

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
    let findings: [String]
    let text: String

    init(_ run: String, _ inspection: RunInspection) {
      (self.run, steps, findings) = (run, inspection.steps, inspection.findings)
      verdict = inspection.verdict?.rawValue
      text =
        (["\(run.printable): " + (inspection.verdict?.summary ?? "unknown: nobody has looked for collapse")]
        + findings.map { "  " + $0 }).joined(separator: "\n")
    }

    enum CodingKeys: CodingKey { case run, steps, verdict, findings }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(run, forKey: .run)
      try container.encode(steps, forKey: .steps)
      try container.encode(verdict, forKey: .verdict)  // null where unknown: the key is always there
      try container.encode(findings, forKey: .findings)
    }
  }
}
