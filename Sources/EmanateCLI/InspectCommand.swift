import ArgumentParser
import EmanateInterchange
import EmanateReports
import EmanateTraining
import Foundation

/// `emanate inspect`: what runs' files say about how they went, in lines or as a page.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says of runs whether they are healthy or collapsed, what shows it, and what to change.",
    discussion: """
      Reads a run's files only, so it may still be going on. The verdict is what the watch over collapse said last
      (collapse.everySteps): notStarted, healthy, uniform, oneHot or dimensional. Runs from labels or teachers have none;
      what the images held out have shown stands there.

      --out writes a report: one HTML file without anything from outside, with every chart, the settings, and where the
      images still are, views and nearest neighbours. Several runs stand side by side over the same axes. --plot draws the
      main charts alone.
      """,
    examples: [
      "emanate inspect runs/photos",
      "emanate inspect runs/photos runs/second --out report.html",
      "emanate inspect runs/photos runs/second --plot curves.png",
    ])

  @Argument(help: "Runs' folders; a run may still be going on.", completion: .directory)
  var runs: [String]

  @Option(
    help: "Write the report into this .html file. (default: no report, lines only)",
    completion: .file(extensions: ["html"]))
  var out: String?

  @Option(
    help: "Draw loss, signs of collapse and accuracies into this .svg or .png file. (default: none)",
    completion: .file(extensions: ["svg", "png"]))
  var plot: String?

  @Option(
    parsing: .upToNextOption,
    help: "Folders of images for the report's pictures. (default: where each run says its images are)",
    completion: .directory)
  var data: [String] = []

  @Option(help: "Images among which the report looks for nearest neighbours; 0 leaves all pictures out.")
  var images = 300

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let out, !out.hasSuffix(".html") { throw ValidationError("--out: \(out) does not end in .html") }
    try PlotFile.check(plot)
    if images < 0 { throw ValidationError("--images: \(images); 0 or more") }
    if out == nil && !data.isEmpty {
      throw ValidationError("--data: only a report has pictures; --out names it")
    }
  }

  func run() throws {
    // Every run is read, and every folder seen, before anything is made.
    let entries: [Entry]
    var words: [String] = []
    let records = out == nil && plot == nil ? [] : try read()
    if let plot { try draw(records, to: plot) }
    if let out {
      entries = records.map { Entry($0.name, $0.inspection) }
      let pictures: [RunPictures] =
        images == 0 ? [] : records.map { self.pictures(of: $0, among: records.count) }
      for note in pictures.flatMap(\.notes) { StandardError.warn(note) }
      try DurableFile.write(InspectionPage(records, pictures: pictures).html, to: out)
      words = ["The report is in \(out.printable)."]
    } else {
      entries = try runs.map { Entry($0, try RunInspection(RunFolder($0))) }
    }
    output.result(
      Summary(runs: entries, out: out), text: (entries.map(\.text) + words).joined(separator: "\n\n"))
  }

  private func draw(_ records: [RunRecord], to plot: String) throws {
    guard let sheet = InspectionSheet(records).sheet else {
      throw CommandFailure(
        .data, "--plot: there is nothing to draw in \(runs.joined(separator: ", ").printable)")
    }
    try PlotFile.write(sheet, to: plot)
  }

  private func read() throws -> [RunRecord] {
    for folder in data where !FileManager.default.fileExists(atPath: folder) {
      throw CommandFailure(.files, "--data: \(folder.printable): no such folder")
    }
    // Many runs share the page: each has fewer points, so that the file stays small.
    let buckets = max(60, min(360, 1200 / runs.count))
    return try runs.map { try RunRecord(RunFolder($0), name: $0, buckets: buckets) }
  }

  private func pictures(of record: RunRecord, among runs: Int) -> RunPictures {
    var options = RunPictures.Options()
    options.candidates = images
    if runs > 2 { (options.viewed, options.asked) = (1, 3) }
    if runs > 6 { (options.asked, options.side) = (2, 48) }
    return RunPictures(of: record, data: data.isEmpty ? nil : data, options)
  }

  private struct Summary: Encodable {
    let runs: [Entry]
    let out: String?
  }

  private struct Entry: Encodable {
    let run: String
    let steps: Int
    let verdict: String?
    let best_top1: Double?
    let best_step: Int?
    let findings: [String]
    let changes: [SettingChange]
    let text: String

    init(_ run: String, _ inspection: RunInspection) {
      (self.run, steps, findings) = (run, inspection.steps, inspection.findings)
      (verdict, changes) = (inspection.verdict?.rawValue, inspection.changes)
      (best_top1, best_step) = (inspection.best?.top1, inspection.best?.done)
      let cure = inspection.changes.map { "try \($0.option) (here \($0.from)): \($0.reason)" }
      text =
        (["\(run.printable): " + inspection.summary] + (findings + cure).map { "  " + $0 }).joined(
          separator: "\n")
    }

    enum CodingKeys: CodingKey { case run, steps, verdict, best_top1, best_step, findings, changes }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(run, forKey: .run)
      try container.encode(steps, forKey: .steps)
      try container.encode(verdict, forKey: .verdict)  // null where unknown: the key is always there
      try container.encodeIfPresent(best_top1, forKey: .best_top1)
      try container.encodeIfPresent(best_step, forKey: .best_step)
      try container.encode(findings, forKey: .findings)
      try container.encode(changes, forKey: .changes)
    }
  }
}
