import EmanateTraining

/// What the watch over collapse said over the steps of each run: a bar a run, all as long as the longest run.
struct VerdictStrip {
  let records: [RunRecord]

  /// Nothing where no run was watched.
  var markup: Markup? {
    let watched = records.filter { !$0.verdicts.isEmpty }
    guard let last = watched.map(\.inspection.steps).max() else { return nil }
    return Markup(watched.map { bar($0, last) })
  }

  private func bar(_ record: RunRecord, _ last: Int) -> Markup {
    let parts = record.verdicts.enumerated().map { index, part -> Markup in
      let next =
        index + 1 < record.verdicts.count ? record.verdicts[index + 1].from : record.inspection.steps
      let words = part.verdict.name
      let steps = "steps \(NumberText.grouped(part.from)) to \(NumberText.grouped(next))"
      return """
        <div class="\(part.verdict.style)" style="flex:\(max(1, next - part.from)) 1 0" title="\(words), \(steps)">\
        \(words) <small>\(steps)</small></div>
        """
    }
    // A shorter run leaves the rest of its bar empty.
    let rest = last - record.inspection.steps
    let empty: Markup = rest > 0 ? "<div style=\"flex:\(rest) 1 0;border:0\"></div>" : ""
    let name: Markup = records.count > 1 ? "<span title=\"\(record.name)\">\(record.name)</span>" : ""
    return """
      <div class="strip">\(name)<div class="bar">\(Markup(parts, separator: ""))\(empty)</div></div>
      """
  }
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
