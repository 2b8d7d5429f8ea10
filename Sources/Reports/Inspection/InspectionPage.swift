import EmanateConfiguration
import EmanateImages
import EmanateTraining
import Foundation

/// A report on one run or on several side by side: one HTML file that works offline, by day and by night, and without its
/// script, which only shows values under the pointer.
public struct InspectionPage: Sendable {
  /// The runs, in the order they are shown.
  public let records: [RunRecord]
  /// What each run sees and has learned, as pictures; nil where none were wanted.
  public let pictures: [RunPictures?]

  /// A page on at least one run.
  public init(_ records: [RunRecord], pictures: [RunPictures?] = []) {
    precondition(!records.isEmpty, "InspectionPage: no run")
    self.records = records
    self.pictures = records.indices.map { pictures.indices.contains($0) ? pictures[$0] : nil }
  }

  /// The whole file.
  public var html: String {
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(PageStyle.policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="generator" content="emanate inspect">
      <link rel="icon" href="data:,">
      <title>\(title)</title>
      <style>
      \(Markup(made: PageStyle.css))
      </style>
      </head>
      <body>
      <h1>\(title)</h1>
      <p class="faint">\(subtitle)</p>
      \(verdicts)
      \(strip)
      \(Markup(InspectionCharts(records: records).sections.map(section)))
      \(Markup(records.indices.compactMap(pictureSection)))
      \(skipped)
      \(settings)
      <script>
      \(Markup(made: PageStyle.script))
      </script>
      </body>
      </html>

      """
    return page.text
  }

  private var title: String {
    records.count == 1 ? "Run \(records[0].name)" : "\(records.count) runs side by side"
  }

  private var subtitle: String {
    let methods = Set(records.map(\.settings.method)).sorted().joined(separator: ", ")
    let architectures = Set(records.map(\.settings.network.architecture.rawValue)).sorted().joined(
      separator: ", ")
    return "\(methods) with \(architectures)"
  }

  // MARK: Verdict

  private var verdicts: Markup {
    "<h2>Verdict</h2>\n<div class=\"cards\">\n\(Markup(records.enumerated().map(card)))\n</div>"
  }

  private func card(_ number: Int, _ record: RunRecord) -> Markup {
    let remarks = RunRemarks(record).remarks
    let findings = record.inspection.findings + remarks.map(\.text)
    return """
      <section class="card" style="--c:var(--c\(ChartColours.place(number)))">
      <h3>\(record.name)</h3>
      <p class="verdict \(record.inspection.verdict?.style ?? "unknown")" data-verdict="\(record.inspection.verdict?.rawValue ?? "unknown")">\
      \(record.inspection.summary)</p>
      <div class="figures">\(Markup(figures(record), separator: ""))</div>
      <ul>
      \(Markup(findings.map { "<li>\($0)</li>" }))
      </ul>
      \(cure(RunRemarks.changes(record)))
      </section>
      """
  }

  private func figures(_ record: RunRecord) -> [Markup] {
    var figures: [(String, String)] = [("steps", NumberText.grouped(record.inspection.steps))]
    func last(_ key: String, _ name: String, _ text: (Double) -> String) {
      if let value = record.curves[key]?.last?.value { figures.append((name, text(value))) }
    }
    func digits(_ value: Double) -> String { NumberText.short(value, digits: 4) }
    last("loss", "last loss", digits)
    last("knnTop1", "k-NN, %", digits)
    last("validationTop1", "held out, %", digits)
    last("teacherRank", "effective rank", { NumberText.short($0, digits: 3) })
    last("prototypesUsed", "prototypes used", { NumberText.short(100 * $0, digits: 3) + " %" })
    if let rate = record.rate.mean(from: 0) {
      figures.append(("images a second", NumberText.short(rate, digits: 3)))
    }
    if let images = record.images { figures.append(("images", NumberText.grouped(images))) }
    return figures.map { "<div><b>\($0.1)</b><span>\($0.0)</span></div>" }
  }

  private func cure(_ changes: [SettingChange]) -> Markup? {
    if changes.isEmpty { return nil }
    let rows = changes.map { change -> Markup in
      "<tr><td><code>\(change.setting)</code></td><td>\(change.from)</td><td><b>\(change.to)</b></td><td>\(change.reason)</td></tr>"
    }
    return """
      <h3>What to change</h3>
      <div class="wide"><table class="changes"><tr><th>setting</th><th>here</th><th>try</th><th>because</th></tr>
      \(Markup(rows))
      </table></div>
      <p>For the first of them: <code>\(changes[0].option)</code></p>
      """
  }

  private var strip: Markup? {
    VerdictStrip(records: records).markup.map { "<h2>Step by step</h2>\n\($0)" }
  }

  // MARK: Charts

  private func section(_ section: InspectionCharts.Section) -> Markup {
    """
    <h2>\(section.title)</h2>
    \(section.text.isEmpty ? nil : paragraph(section.text))
    <div class="charts">
    \(Markup(section.charts.map(figure)))
    </div>
    """
  }

  private func paragraph(_ text: String) -> Markup? { "<p class=\"faint\">\(text)</p>" }

  private func figure(_ chart: Chart) -> Markup {
    let keys = chart.lines.map { line -> Markup in
      let value = line.points.last { $0.y.isFinite }.map { Self.text($0.y, of: chart) } ?? "–"
      let stroke = "line c\(ChartColours.place(line.colour)) s\(line.stroke.rawValue)"
      return """
        <span class="key"><svg class="chart" viewBox="0 0 24 10"><path class="\(stroke)" d="M1 5H23"/></svg>\
        \(line.name) <b>\(value)</b></span>
        """
    }
    return """
      <figure>
      \(ChartSVG(chart).element)
      <figcaption>\(Markup(keys, separator: " "))\(chart.explanation.isEmpty ? nil : explanation(chart))</figcaption>
      </figure>
      """
  }

  /// A line's last value; what the axis cannot show is 0.
  private static func text(_ value: Double, of chart: Chart) -> String {
    let axis = chart.yAxis(about: 5)
    if !axis.isLogarithmic && abs(value) < 1e-5 * (axis.high - axis.low) { return "0" }
    return abs(value) >= 10_000 ? NumberText.size(value) : NumberText.short(value, digits: 4)
  }

  private func explanation(_ chart: Chart) -> Markup? { "<br>\(chart.explanation)" }
}
