import EmanateTraining

/// What the watch over collapse said over the steps of each run: a bar a run, under its charts' steps.
struct VerdictStrip {
  let records: [RunRecord]

  /// Nothing where no run was watched.
  var markup: Markup? {
    let watched = records.filter { !$0.verdicts.isEmpty }
    guard !watched.isEmpty else { return nil }
    let last = Double(max(1, watched.map { $0.inspection.steps }.max() ?? 1))
    let (width, left, rowHeight) = (900.0, records.count == 1 ? 4.0 : 170.0, 26.0)
    let height = rowHeight * Double(watched.count) + 24
    func place(_ step: Double) -> Double { left + step / last * (width - left - 8) }
    var parts: [Markup] = []
    for (row, record) in watched.enumerated() {
      let y = Double(row) * rowHeight
      if records.count > 1 {
        parts.append(
          "<text x=\"\(left - 8)\" y=\"\(y + 16)\" text-anchor=\"end\">\(Self.shortened(record.name))</text>")
      }
      for (index, part) in record.verdicts.enumerated() {
        let next =
          index + 1 < record.verdicts.count ? record.verdicts[index + 1].from : record.inspection.steps
        let (from, to) = (place(Double(part.from)), place(Double(next)))
        let words = part.verdict.name
        parts.append(
          """
          <g><title>\(words), steps \(NumberText.grouped(part.from)) to \(NumberText.grouped(next))</title>\
          <rect class="\(part.verdict.style)" x="\(from)" y="\(y + 2)" width="\(max(1.5, to - from))" height="\(rowHeight - 6)"/>
          """)
        if to - from > 7.5 * Double(words.count) {
          parts.append("<text x=\"\(from + 6)\" y=\"\(y + 16)\">\(words)</text>")
        }
        parts.append("</g>")
      }
    }
    let axis = ChartAxis.exact(0...last, about: 6)
    for tick in axis.ticks {
      parts.append(
        "<text x=\"\(place(tick.value))\" y=\"\(height - 6)\" text-anchor=\"\(tick.value == 0 ? "start" : tick.value > 0.95 * last ? "end" : "middle")\">\(tick.label)</text>"
      )
    }
    return """
      <svg class="strip" viewBox="0 0 \(width) \(height)" role="img" aria-label="The verdict over the steps of each run">
      \(Markup(parts))
      </svg>
      """
  }

  private static func shortened(_ name: String) -> String { name.count <= 24 ? name : "…" + name.suffix(23) }
}

extension CollapseWatch.Verdict {
  /// The verdict in a word or two.
  var name: String {
    switch self {
    case .notStarted: "not started"
    case .healthy: "healthy"
    case .uniform: "collapsed: uniform"
    case .oneHot: "collapsed: one-hot"
    case .dimensional: "collapsed: dimensional"
    }
  }

  /// The class of the style sheet that colours it.
  var style: String { isCollapse ? "collapsed" : rawValue }
}
