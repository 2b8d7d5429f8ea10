/// Lines over one axis: what is drawn, apart from how (`ChartSheet` and reports draw it as SVG and as pixels).
public struct Chart: Sendable {
  /// A value, and how far values around it spread.
  public struct Point: Sendable, Equatable {
    /// Where it lies, and its value.
    public let x, y: Double
    /// The least and the greatest of the values that it stands for.
    public let low, high: Double

    /// A value that stands for itself, or for those from `low` to `high`.
    public init(x: Double, y: Double, low: Double? = nil, high: Double? = nil) {
      (self.x, self.y) = (x, y)
      (self.low, self.high) = (low ?? y, high ?? y)
    }
  }

  /// One line.
  public struct Line: Sendable {
    /// What the reader knows it by.
    public var name: String
    /// Its colour's number; equal numbers have equal colours.
    public var colour: Int
    /// How it is drawn.
    public var stroke: Stroke
    /// From left to right; where a value is not finite the line breaks off.
    public var points: [Point]

    /// A line by its name.
    public init(_ name: String, colour: Int, stroke: Stroke = .solid, points: [Point]) {
      (self.name, self.colour, self.stroke, self.points) = (name, colour, stroke, points)
    }
  }

  /// How a line is drawn.
  public enum Stroke: Int, Sendable { case solid, dashed, dotted }

  /// A value across the whole chart, with its name: ln K, a limit.
  public struct Level: Sendable, Hashable {
    /// The value.
    public let value: Double
    /// Its name.
    public let name: String

    /// A level by its value and name.
    public init(_ value: Double, _ name: String) { (self.value, self.name) = (value, name) }
  }

  /// What stands above it, and the unit of its values.
  public let title, unit: String
  /// What the horizontal axis counts.
  public let xName: String
  /// The lines.
  public var lines: [Line]
  /// Values across the chart.
  public var levels: [Level] = []
  /// Whether equal distances upwards are equal ratios.
  public var isLogarithmic = false
  /// A range that the values' axis holds in any case.
  public var includes: ClosedRange<Double>?
  /// A range that the horizontal axis holds in any case.
  public var xIncludes: ClosedRange<Double>?
  /// What the chart shows, in a sentence for whoever does not know it.
  public var explanation = ""

  /// Lines under a title; values are in `unit`.
  public init(_ title: String, unit: String = "", xName: String, lines: [Line]) {
    (self.title, self.unit, self.xName, self.lines) = (title, unit, xName, lines)
  }

  /// Whether there is anything to draw.
  public var isEmpty: Bool { !lines.contains { line in line.points.contains { $0.y.isFinite } } }

  /// The same chart with every line that lies on an earlier one dashed, so that both are seen.
  public func separatingEqualLines() -> Chart {
    var chart = self
    let values = lines.flatMap { $0.points.map(\.y) }.filter(\.isFinite)
    let near = 0.004 * ((values.max() ?? 0) - (values.min() ?? 0))
    func isOn(_ a: Line, _ b: Line) -> Bool {
      a.points.count == b.points.count && zip(a.points, b.points).allSatisfy { abs($0.y - $1.y) <= near }
    }
    for place in lines.indices {
      let below = lines[..<place].count { isOn($0, lines[place]) }
      chart.lines[place].stroke = Stroke(rawValue: min(2, below)) ?? .solid
    }
    return chart
  }

  /// The values' axis: round numbers around all lines and levels; of a band no more than the middle 98 %, or one wild
  /// step would flatten everything else.
  func yAxis(about count: Int) -> ChartAxis {
    func fits(_ value: Double) -> Bool { value.isFinite && (!isLogarithmic || value > 0) }
    let points = lines.flatMap(\.points).filter { fits($0.y) }
    var values = points.map(\.y) + levels.map(\.value).filter(fits)
    let (lows, highs) = (points.map(\.low).filter(fits).sorted(), points.map(\.high).filter(fits).sorted())
    if !lows.isEmpty { values.append(lows[lows.count / 100]) }
    if !highs.isEmpty { values.append(highs[highs.count - 1 - highs.count / 100]) }
    if let includes { values += [includes.lowerBound, includes.upperBound].filter(fits) }
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    // A hair below zero is no reason for an axis that goes on to -1.
    if low < 0 && -low < 0.02 * high { low = 0 }
    if high > 0 && low < 0 && high < -0.02 * low { high = 0 }
    return .round(low...high, isLogarithmic: isLogarithmic, about: count)
  }

  /// The horizontal axis, from the first point to the last.
  func xAxis(about count: Int) -> ChartAxis {
    let ends = xIncludes.map { [$0.lowerBound, $0.upperBound] } ?? []
    let places = lines.flatMap { [$0.points.first?.x, $0.points.last?.x] }.compactMap { $0 } + ends
    return .exact((places.min() ?? 0)...(places.max() ?? 1), about: count)
  }
}
