/// The colours of charts, for light and for dark pages: eight that people with colour blindness can tell apart (after
/// Okabe and Ito 2008), each at least three times as light or dark as its background.
enum ChartColours {
  static let light = [
    Colour(0, 98, 168), Colour(200, 80, 0), Colour(0, 128, 92), Colour(176, 52, 132), Colour(106, 78, 190),
    Colour(140, 104, 0), Colour(190, 40, 50), Colour(60, 100, 110),
  ]
  static let dark = [
    Colour(96, 172, 246), Colour(245, 150, 66), Colour(58, 196, 150), Colour(238, 132, 198),
    Colour(176, 154, 250), Colour(222, 186, 70), Colour(250, 122, 122), Colour(140, 190, 204),
  ]

  /// A colour's place in the lists.
  static func place(_ colour: Int) -> Int { colour % light.count }

  static func text(_ colour: Colour) -> String { "rgb(\(colour.red),\(colour.green),\(colour.blue))" }

  /// What a style sheet needs for `ChartSVG`'s classes; `scope` is the selector of what holds the charts.
  static func css(scope: String) -> String {
    func colours(_ list: [Colour]) -> String {
      list.enumerated().map { "--c\($0):\(text($1))" }.joined(separator: ";")
    }
    let classes = light.indices.map { ".c\($0){color:var(--c\($0))}" }.joined()
    return """
      \(scope){\(colours(light));--ink:#1f2328;--faint:#59636e;--grid:#d9dee3;--paper:#fff}
      @media (prefers-color-scheme:dark){\(scope){\(colours(dark));--ink:#e6edf3;--faint:#9aa5b1;--grid:#363d46;--paper:#14181d}}
      .chart text{fill:var(--faint);font:11px system-ui,"DejaVu Sans",sans-serif}.chart .title{fill:var(--ink);\
      font-weight:600;font-size:13px}.chart .grid{stroke:var(--grid)}.chart .axis{stroke:var(--faint)}
      .chart .level{stroke:var(--faint);stroke-dasharray:2 3}.chart .line{fill:none;stroke:currentColor;stroke-width:1.8;\
      stroke-linejoin:round;stroke-linecap:round}.chart .band{fill:currentColor;fill-opacity:.17}\
      .chart .dot{fill:currentColor}.s1{stroke-dasharray:6 4}.s2{stroke-dasharray:1.5 4}\(classes)
      """
  }
}
