/// Where the parts of a chart lie in a picture of so many pixels: shared by SVG and by pixels, so that both show the same.
struct ChartFrame {
  let width, height: Double
  let x, y: ChartAxis
  /// The edges of the plot itself.
  let left, right, top, bottom: Double

  init(_ chart: Chart, width: Double, height: Double) {
    (self.width, self.height) = (width, height)
    y = chart.yAxis(about: 5)
    x = chart.xAxis(about: 5)
    let widest = y.ticks.map(\.label.count).max() ?? 0
    left = 16 + 6.6 * Double(max(3, widest))
    (right, top, bottom) = (width - 20, 34, height - 38)
  }

  func place(x value: Double) -> Double { left + x.share(value) * (right - left) }
  func place(y value: Double) -> Double { bottom - y.share(value) * (bottom - top) }

  /// The points of a line, piece by piece between values that are not finite.
  func pieces(_ line: Chart.Line) -> [[Chart.Point]] {
    line.points.split { !$0.y.isFinite || !$0.x.isFinite }.map(Array.init)
  }
}
