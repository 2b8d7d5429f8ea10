import EmanateImages

/// Several charts in columns under one legend, as an SVG file or as a picture.
public struct ChartSheet: Sendable {
  /// One entry of the legend.
  public struct Key: Sendable {
    /// What it says.
    public let name: String
    /// The colour's number, as in `Chart.Line`.
    public let colour: Int

    /// An entry by its words and colour.
    public init(_ name: String, colour: Int) { (self.name, self.colour) = (name, colour) }
  }

  /// What the file says it is.
  public let title: String
  /// The colours' meaning; charts' own line names are not shown.
  public let keys: [Key]
  /// The charts, row by row.
  public let charts: [Chart]
  /// Charts side by side.
  public let columns: Int

  /// At least one chart.
  public init(_ title: String, keys: [Key], charts: [Chart], columns: Int = 2) {
    precondition(!charts.isEmpty && columns > 0, "ChartSheet: nothing to draw")
    (self.title, self.keys, self.charts, self.columns) = (title, keys, charts, columns)
  }

  private static let (panelWidth, panelHeight, gap) = (440.0, 250.0, 16.0)
  private static let keyHeight = 18.0
  private var width: Double { Double(columns) * (Self.panelWidth + Self.gap) + Self.gap }
  private var top: Double { 14 + Self.keyHeight * Double((keys.count + keyColumns - 1) / keyColumns) }
  private var height: Double {
    top + Double((charts.count + columns - 1) / columns) * (Self.panelHeight + Self.gap)
  }
  /// Entries of the legend side by side.
  private var keyColumns: Int { columns + 1 }

  private func place(ofKey index: Int) -> (x: Double, y: Double) {
    let wide = (width - 2 * Self.gap) / Double(keyColumns)
    return (
      Self.gap + 8 + Double(index % keyColumns) * wide, 10 + Self.keyHeight * Double(index / keyColumns)
    )
  }

  private func place(ofChart index: Int) -> (x: Double, y: Double) {
    (
      Self.gap + Double(index % columns) * (Self.panelWidth + Self.gap),
      top + Double(index / columns) * (Self.panelHeight + Self.gap)
    )
  }

  /// No more of a name than fits beside the next one: its end, where names of one folder differ.
  private static func shortened(_ name: String, _ dots: String) -> String {
    name.count <= 44 ? name : dots + name.suffix(43)
  }

  /// An SVG file for light and dark backgrounds, without anything from outside.
  public var svg: String {
    var parts: [Markup] = []
    for (index, key) in keys.enumerated() {
      let (x, y) = place(ofKey: index)
      parts.append(
        """
        <path class="line c\(ChartColours.place(key.colour))" d="M\(x) \(y)h22"/>\
        <text class="title" x="\(x + 30)" y="\(y + 4)">\(Self.shortened(key.name, "…"))</text>
        """)
    }
    for (index, chart) in charts.enumerated() {
      let (x, y) = place(ofChart: index)
      let drawing = ChartSVG(chart, width: Self.panelWidth, height: Self.panelHeight)
      parts.append("<g transform=\"translate(\(x) \(y))\">\n\(drawing.body)\n</g>")
    }
    let file: Markup = """
      <svg xmlns="http://www.w3.org/2000/svg" class="chart sheet" viewBox="0 0 \(width) \(height)" width="\(width)" \
      height="\(height)">
      <title>\(title)</title>
      <style>
      \(Markup(made: ChartColours.css(scope: ".sheet")))
      .paper{fill:var(--paper)}
      </style>
      <path class="paper" d="M0 0H\(width)V\(height)H0Z"/>
      \(Markup(parts))
      </svg>

      """
    return file.text
  }

  /// The sheet as a picture on white, [height, width, 3], two pixels for each of the SVG file's.
  public var image: Image {
    let zoom = 2
    var canvas = Canvas(width: Int(width) * zoom, height: Int(height) * zoom, ChartPicture.paper)
    for (index, key) in keys.enumerated() {
      let (x, y) = place(ofKey: index)
      let mark = PixelRectangle(x: Int(x) * zoom, y: Int(y - 1) * zoom, width: 22 * zoom, height: 2 * zoom)
      canvas.fill(mark, ChartColours.light[ChartColours.place(key.colour)])
      canvas.write(
        Self.shortened(key.name, "..."), x: Int(x + 30) * zoom, y: Int(y - 4) * zoom, ChartPicture.ink,
        zoom: zoom)
    }
    for (index, chart) in charts.enumerated() {
      let (x, y) = place(ofChart: index)
      ChartPicture(chart, width: Self.panelWidth, height: Self.panelHeight, zoom: zoom).draw(
        on: &canvas, x: Int(x) * zoom, y: Int(y) * zoom)
    }
    return canvas.image
  }
}
