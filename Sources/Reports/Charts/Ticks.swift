import Foundation

/// Round numbers along an axis: multiples of 1, 2 or 5 times a power of ten that enclose a range.
struct Ticks {
  let low, high, step: Double

  /// About `count` ticks around `first`...`last`; a range without extent is widened.
  init(from first: Double, to last: Double, about count: Int) {
    var (first, last) = (first, last)
    if last - first <= 1e-9 * max(abs(first), abs(last)) {
      let margin = first == 0 ? 1 : abs(first) / 2
      (first, last) = (first - margin, last + margin)
    }
    let rough = (last - first) / Double(count)
    let power = pow(10, log10(rough).rounded(.down))
    step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10)
    low = (first / step + 1e-9).rounded(.down) * step
    high = (last / step - 1e-9).rounded(.up) * step
  }

  /// The ticks, both ends of the axis among them.
  var values: [Double] { (0...Int(((high - low) / step).rounded())).map { low + Double($0) * step } }

  /// A tick's label, with no more digits than the distance between ticks asks for.
  func label(_ tick: Double) -> String {
    if abs(tick) < step / 1000 { return "0" }
    let largest = max(abs(low), abs(high))
    if largest >= 1e6 || largest < 1e-3 { return Self.power(tick) }
    let text = String(format: "%.\(max(0, Int((-log10(step) + 1e-9).rounded(.up))))f", tick)
    return largest >= 10_000 && step >= 1 ? NumberText.grouped(Int(tick.rounded())) : text
  }

  /// A large or small number as short as can be: 2e6, 5e-04 becomes 5e-4.
  static func power(_ value: Double) -> String {
    String(format: "%.3g", value).replacing("e+0", with: "e").replacing("e+", with: "e").replacing(
      "e-0", with: "e-")
  }
}

/// Where the numbers of one axis lie, from 0 at its low end to 1 at its high end.
struct ChartAxis {
  let low, high: Double
  let isLogarithmic: Bool
  /// Labelled values within the axis.
  let ticks: [(value: Double, label: String)]

  /// An axis whose ends are round numbers around a range.
  static func round(_ range: ClosedRange<Double>, isLogarithmic: Bool, about count: Int) -> ChartAxis {
    if isLogarithmic { return logarithmic(range) }
    let ticks = Ticks(from: range.lowerBound, to: range.upperBound, about: count)
    return ChartAxis(
      low: ticks.low, high: ticks.high, isLogarithmic: false,
      ticks: ticks.values.map { ($0, ticks.label($0)) })
  }

  /// An axis that ends where its range does.
  static func exact(_ range: ClosedRange<Double>, about count: Int) -> ChartAxis {
    let high = range.upperBound > range.lowerBound ? range.upperBound : range.lowerBound + 1
    let ticks = Ticks(from: range.lowerBound, to: high, about: count)
    let margin = (high - range.lowerBound) * 1e-6
    let inside = ticks.values.filter { $0 >= range.lowerBound - margin && $0 <= high + margin }
    return ChartAxis(
      low: range.lowerBound, high: high, isLogarithmic: false, ticks: inside.map { ($0, ticks.label($0)) })
  }

  /// Powers of ten, and 2 and 5 times them where there are few; a range that is no positive one becomes 0.1...1.
  private static func logarithmic(_ range: ClosedRange<Double>) -> ChartAxis {
    let last = range.upperBound > 0 ? range.upperBound : 1
    // No more than twelve decades, or single zeros would hide everything else.
    let first = max(range.lowerBound > 0 ? range.lowerBound : last / 10, last * 1e-12)
    let decades = Int(log10(first).rounded(.down))...Int(log10(last).rounded(.up))
    let factors = decades.count <= 2 ? [1.0, 2, 5] : decades.count <= 4 ? [1, 3] : [1]
    var values = decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }
    while values.count > 2 && values[1] <= first * 1.0001 { values.removeFirst() }
    while values.count > 2 && values[values.count - 2] >= last * 0.9999 { values.removeLast() }
    let every = (values.count + 6) / 7
    return ChartAxis(
      low: values[0], high: values[values.count - 1], isLogarithmic: true,
      ticks: values.enumerated().filter { $0.offset % every == 0 }.map { ($0.element, label($0.element)) })
  }

  private static func label(_ value: Double) -> String {
    if value >= 1000 && value < 1e5 { return NumberText.grouped(Int(value.rounded())) }
    return value >= 1e-3 && value < 1000 ? NumberText.short(value, digits: 3) : Ticks.power(value)
  }

  /// A value's place, 0...1; what lies outside is at the end.
  func share(_ value: Double) -> Double {
    let share =
      isLogarithmic
      ? value > 0 ? log(value / low) / log(high / low) : 0 : (value - low) / (high - low)
    return share.isFinite ? min(1, max(0, share)) : value > high ? 1 : 0
  }
}
