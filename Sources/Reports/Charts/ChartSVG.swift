/// A chart as SVG. Its colours are classes, which the page's style sheet gives for light and dark
/// (`ChartColours.css`); the numbers of its frame and axes stand in `data-` attributes for a script that shows values.
struct ChartSVG {
  let chart: Chart
  let frame: ChartFrame

  init(_ chart: Chart, width: Double = 440, height: Double = 250) {
    self.chart = chart
    frame = ChartFrame(chart, width: width, height: height)
  }

  /// An element that stands for itself in a page.
  var element: Markup {
    """
    <svg class="chart" viewBox="0 0 \(frame.width) \(frame.height)" role="img" aria-label="\(summary)" \
    data-frame="\(Markup(made: places([frame.left, frame.right, frame.top, frame.bottom])))" \
    data-x="\(numbers(frame.x))" data-y="\(numbers(frame.y))" data-log="\(frame.y.isLogarithmic ? 1 : 0)" \
    data-unit="\(chart.unit)" data-xname="\(chart.xName)">
    \(body)
    </svg>
    """
  }

  /// What the chart shows, in words: for who cannot see it.
  private var summary: String {
    let lines = chart.lines.map { line in
      line.name
        + (line.points.last { $0.y.isFinite }.map { ", last \(NumberText.short($0.y, digits: 4))" } ?? "")
    }
    return "\(chart.title)\(chart.unit.isEmpty ? "" : " in \(chart.unit)"): " + lines.joined(separator: "; ")
  }

  private func places(_ values: [Double]) -> String { values.map(Markup.place).joined(separator: ",") }

  private func numbers(_ axis: ChartAxis) -> Markup {
    Markup(made: "\(NumberText.short(axis.low, digits: 7)),\(NumberText.short(axis.high, digits: 7))")
  }

  /// Title, axes, levels and lines.
  var body: Markup {
    let (left, right, bottom) = (frame.left, frame.right, frame.bottom)
    let unit: Markup =
      chart.unit.isEmpty ? "" : "<tspan font-weight=\"400\" font-size=\"11\"> (\(chart.unit))</tspan>"
    var parts: [Markup] = ["<text class=\"title\" x=\"\(left)\" y=\"16\">\(chart.title)\(unit)</text>"]
    for tick in frame.y.ticks {
      let at = frame.place(y: tick.value)
      parts.append("<path class=\"grid\" d=\"M\(left) \(at)H\(right)\"/>")
      parts.append("<text x=\"\(left - 7)\" y=\"\(at + 4)\" text-anchor=\"end\">\(tick.label)</text>")
    }
    parts.append("<path class=\"axis\" d=\"M\(left) \(bottom)H\(right)\"/>")
    for tick in frame.x.ticks {
      let at = frame.place(x: tick.value)
      parts.append("<path class=\"axis\" d=\"M\(at) \(bottom)v4\"/>")
      parts.append("<text x=\"\(at)\" y=\"\(bottom + 16)\" text-anchor=\"middle\">\(tick.label)</text>")
    }
    parts.append(
      "<text x=\"\((left + right) / 2)\" y=\"\(bottom + 32)\" text-anchor=\"middle\">\(chart.xName)</text>")
    parts += chart.lines.compactMap(band) + chart.levels.map(level) + chart.lines.map(stroke)
    return Markup(parts)
  }

  private func level(_ level: Chart.Level) -> Markup {
    let at = frame.place(y: level.value)
    // The name stands above its line, or below where there is no room.
    let text = at - frame.top < 12 ? at + 12 : at - 4
    return """
      <path class="level" d="M\(frame.left) \(at)H\(frame.right)"/>\
      <text x="\(frame.right - 2)" y="\(text)" text-anchor="end">\(level.name)</text>
      """
  }

  private func band(_ line: Chart.Line) -> Markup? {
    var path = ""
    for piece in frame.pieces(line) where piece.contains(where: { $0.low < $0.high }) {
      let upper = piece.map { point(frame.place(x: $0.x), frame.place(y: $0.high)) }
      let lower = piece.reversed().map { point(frame.place(x: $0.x), frame.place(y: $0.low)) }
      path += "M" + (upper + lower).joined(separator: " ") + "Z"
    }
    return path.isEmpty
      ? nil : "<path class=\"band c\(ChartColours.place(line.colour))\" d=\"\(Markup(made: path))\"/>"
  }

  private func stroke(_ line: Chart.Line) -> Markup {
    let colour = ChartColours.place(line.colour)
    var (path, dots) = ("", [Markup]())
    for piece in frame.pieces(line) {
      path += "M" + piece.map { point(frame.place(x: $0.x), frame.place(y: $0.y)) }.joined(separator: " ")
      // A line of few points shows where they are; a single one would not show at all.
      if line.points.count <= 30 {
        dots += piece.map {
          "<circle class=\"dot c\(colour)\" cx=\"\(frame.place(x: $0.x))\" cy=\"\(frame.place(y: $0.y))\" r=\"2.4\"/>"
        }
      }
    }
    return """
      <path class="line c\(colour) s\(line.stroke.rawValue)" data-name="\(line.name)" d="\(Markup(made: path))"/>\
      \(Markup(dots, separator: ""))
      """
  }

  private func point(_ x: Double, _ y: Double) -> String { Markup.place(x) + " " + Markup.place(y) }
}
