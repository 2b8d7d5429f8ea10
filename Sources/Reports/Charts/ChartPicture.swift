import EmanateImages

/// A chart as pixels, in the places where `ChartSVG` has it, `zoom` pixels for each of its own: for PNG files.
struct ChartPicture {
  let chart: Chart
  let frame: ChartFrame
  let zoom: Int

  static let ink = Colour(31, 35, 40)
  static let faint = Colour(89, 99, 110)
  static let grid = Colour(222, 226, 231)
  static let paper = Colour(255, 255, 255)

  init(_ chart: Chart, width: Double, height: Double, zoom: Int) {
    (self.chart, self.zoom) = (chart, zoom)
    frame = ChartFrame(chart, width: width, height: height)
  }

  /// Draws the chart with its top left corner at (x, y) of the canvas, in pixels.
  func draw(on canvas: inout Canvas, x: Int, y: Int) {
    func column(_ place: Double) -> Int { x + Int((place * Double(zoom)).rounded()) }
    func row(_ place: Double) -> Int { y + Int((place * Double(zoom)).rounded()) }
    func line(_ left: Double, _ right: Double, _ top: Double, _ bottom: Double, _ colour: Colour) {
      let (width, height) = (
        max(zoom / 2, column(right) - column(left)), max(zoom / 2, row(bottom) - row(top))
      )
      canvas.fill(PixelRectangle(x: column(left), y: row(top), width: width, height: height), colour)
    }
    /// `share` 0 begins at the place, 0.5 is centered on it, 1 ends there; the row is the text's middle.
    func write(_ text: String, _ place: Double, _ middle: Double, _ share: Double, _ colour: Colour) {
      let width = Double(BitmapFont.width(of: text) * zoom)
      canvas.write(
        text, x: column(place) - Int((share * width).rounded()), y: row(middle) - 4 * zoom, colour, zoom: zoom
      )
    }
    let (left, right, top, bottom) = (frame.left, frame.right, frame.top, frame.bottom)
    write(chart.title, left, 13, 0, Self.ink)
    if !chart.unit.isEmpty {
      write("(\(chart.unit))", left + Double(BitmapFont.width(of: chart.title)) + 8, 13, 0, Self.faint)
    }
    for tick in frame.y.ticks {
      let at = frame.place(y: tick.value)
      line(left, right, at, at, Self.grid)
      write(tick.label, left - 6, at, 1, Self.faint)
    }
    line(left, right, bottom, bottom, Self.faint)
    for tick in frame.x.ticks {
      let at = frame.place(x: tick.value)
      line(at, at, bottom, bottom + 4, Self.faint)
      write(tick.label, at, bottom + 13, 0.5, Self.faint)
    }
    write(chart.xName, (left + right) / 2, bottom + 29, 0.5, Self.faint)
    for level in chart.levels {
      let at = frame.place(y: level.value)
      stroke(on: &canvas, [(left, at), (right, at)], Self.faint, width: 1, dashes: [2, 3], x: x, y: y)
      write(level.name, right - 2, at - top < 12 ? at + 8 : at - 7, 1, Self.faint)
    }
    for line in chart.lines { draw(line, on: &canvas, x: x, y: y) }
  }

  private func draw(_ line: Chart.Line, on canvas: inout Canvas, x: Int, y: Int) {
    let colour = ChartColours.light[ChartColours.place(line.colour)]
    let dashes: [Double] =
      switch line.stroke {
      case .solid: []
      case .dashed: [6, 4]
      case .dotted: [2, 4]
      }
    for piece in frame.pieces(line) {
      let places = piece.map { (frame.place(x: $0.x), frame.place(y: $0.y)) }
      stroke(on: &canvas, places, colour, width: 1.8, dashes: dashes, x: x, y: y)
    }
  }

  /// Draws a line through places of the frame. Coverage is gathered first and laid over the picture once, so that joints
  /// are no darker than the rest; what covers a pixel is told from its middle's distance to the line.
  private func stroke(
    on canvas: inout Canvas, _ places: [(x: Double, y: Double)], _ colour: Colour, width: Double,
    dashes: [Double],
    x: Int, y: Int
  ) {
    var covered: [Int: Double] = [:]
    let (reach, across) = (width * Double(zoom) / 2, canvas.image.width)
    let points = places.map { (x: Double(x) + $0.x * Double(zoom), y: Double(y) + $0.y * Double(zoom)) }
    let period = dashes.reduce(0, +) * Double(zoom)
    var gone = 0.0
    for (from, to) in zip(points, points.count == 1 ? points : Array(points.dropFirst())) {
      let (dx, dy) = (to.x - from.x, to.y - from.y)
      let length = (dx * dx + dy * dy).squareRoot()
      let columns = Int(min(from.x, to.x) - reach - 1)...Int(max(from.x, to.x) + reach + 1)
      let rows = Int(min(from.y, to.y) - reach - 1)...Int(max(from.y, to.y) + reach + 1)
      for row in rows where row >= 0 && row < canvas.image.height {
        for column in columns where column >= 0 && column < across {
          let (px, py) = (Double(column) + 0.5 - from.x, Double(row) + 0.5 - from.y)
          let along = length == 0 ? 0 : min(1, max(0, (px * dx + py * dy) / (length * length)))
          if period > 0 {
            let phase = (gone + along * length).truncatingRemainder(dividingBy: period)
            if phase > dashes[0] * Double(zoom) { continue }
          }
          let (ex, ey) = (px - along * dx, py - along * dy)
          let share = reach + 0.5 - (ex * ex + ey * ey).squareRoot()
          if share > 0 {
            let place = row * across + column
            covered[place] = max(covered[place] ?? 0, min(1, share))
          }
        }
      }
      gone += length
    }
    for (place, share) in covered { canvas.blend(place % across, place / across, colour, share: share) }
  }
}
