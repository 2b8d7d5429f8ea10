import EmanateOptimization
import Foundation

extension ScheduleReport {
  /// The schedules as four small plots over the epochs, a line a run: SVG for light and dark backgrounds
  /// alike.
  public var svg: String {
    let (panelWidth, panelHeight, gap, top) = (420.0, 250.0, 20.0, 26.0 + 18.0 * Double((runs.count + 2) / 3))
    let width = 2 * panelWidth + 3 * gap
    let height = top + 2 * panelHeight + 2 * gap
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(width)) \(text(height))" width="\(text(width))" \
      height="\(text(height))" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="11">
      <title>Schedules of \(escaped(runs.map(\.name).joined(separator: ", ")))</title>
      <style>
      text { fill: #7d8590 } .name { font-weight: 600; font-size: 13px }
      .grid { stroke: #9ca3af; stroke-opacity: .25 } .axis { stroke: #9ca3af }
      .line { fill: none; stroke-width: 2; stroke-linejoin: round }
      </style>
      """
    ]
    for (index, run) in runs.enumerated() {
      let x = gap + 10 + Double(index % 3) * (width - 2 * gap) / 3
      let y = 24.0 + 18 * Double(index / 3)
      parts.append(
        "<line class=\"line\" x1=\"\(text(x))\" x2=\"\(text(x + 22))\" y1=\"\(text(y - 4))\" y2=\"\(text(y - 4))\" "
          + style(index) + "/>")
      parts.append(
        "<text class=\"name\" x=\"\(text(x + 30))\" y=\"\(text(y))\">\(escaped(shortened(run.name)))</text>")
    }
    for (index, name) in runs[0].plan.schedules.map(\.name).enumerated() {
      let x = gap + Double(index % 2) * (panelWidth + gap)
      let y = top + Double(index / 2) * (panelHeight + gap)
      parts.append(panel(index, name, x: x, y: y, width: panelWidth, height: panelHeight))
    }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  private func panel(_ index: Int, _ name: String, x: Double, y: Double, width: Double, height: Double)
    -> String
  {
    let (left, right, above, below) = (x + 62, x + width - 8, y + 26, y + height - 36)
    let longest = runs.map(\.plan.epochs).max()!
    let curves = runs.map { run in
      let schedule = run.plan.schedules[index].schedule
      return Self.sampleSteps(run.plan.steps, count: 400).map { step in
        (epoch: Double(step) / Double(run.plan.stepsPerEpoch), value: schedule(step))
      }
    }
    let values = curves.flatMap { $0.map(\.value) }
    let heights = Ticks(from: values.min()!, to: values.max()!, about: 5)
    let epochs = Ticks(from: 0, to: longest, about: 6)
    func place(_ epoch: Double) -> Double { left + epoch / longest * (right - left) }
    func place(value: Double) -> Double {
      below - (value - heights.low) / (heights.high - heights.low) * (below - above)
    }
    var parts = ["<text class=\"name\" x=\"\(text(left))\" y=\"\(text(y + 14))\">\(name)</text>"]
    for tick in heights.values {
      let at = text(place(value: tick))
      parts.append(
        "<line class=\"grid\" x1=\"\(text(left))\" x2=\"\(text(right))\" y1=\"\(at)\" y2=\"\(at)\"/>")
      parts.append(
        "<text x=\"\(text(left - 8))\" y=\"\(at)\" dy=\".35em\" text-anchor=\"end\">\(heights.label(tick))</text>"
      )
    }
    for tick in epochs.values where tick <= longest * 1.0001 {
      let at = text(place(tick))
      parts.append(
        "<line class=\"axis\" x1=\"\(at)\" x2=\"\(at)\" y1=\"\(text(below))\" y2=\"\(text(below + 4))\"/>")
      parts.append(
        "<text x=\"\(at)\" y=\"\(text(below + 17))\" text-anchor=\"middle\">\(epochs.label(tick))</text>")
    }
    parts.append(
      "<line class=\"axis\" x1=\"\(text(left))\" x2=\"\(text(right))\" y1=\"\(text(below))\" y2=\"\(text(below))\"/>"
    )
    parts.append(
      "<text x=\"\(text((left + right) / 2))\" y=\"\(text(below + 32))\" text-anchor=\"middle\">epoch</text>")
    for (run, curve) in curves.enumerated() {
      let points = curve.map { "\(text(place($0.epoch))),\(text(place(value: $0.value)))" }.joined(
        separator: " ")
      parts.append("<polyline class=\"line\" \(style(run)) points=\"\(points)\"/>")
    }
    return parts.joined(separator: "\n")
  }

  /// Colours of middle lightness that can be told apart by people with colour blindness (after Okabe and Ito
  /// 2008), and dashes from the seventh run on.
  private func style(_ run: Int) -> String {
    let colors = ["#0077bb", "#e07b00", "#009e73", "#cc5599", "#8a6fd1", "#b8860b"]
    let dashes = run < colors.count ? "" : " stroke-dasharray=\"6 4\""
    return "stroke=\"\(colors[run % colors.count])\"\(dashes)"
  }

  private func text(_ number: Double) -> String { NumberText.short((number * 10).rounded() / 10) }

  private func shortened(_ name: String) -> String { name.count <= 32 ? name : "…" + name.suffix(31) }

  private func escaped(_ name: String) -> String {
    name.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

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
    if largest >= 1e6 || largest < 1e-3 { return String(format: "%.3g", tick) }
    return String(format: "%.\(max(0, Int((-log10(step) + 1e-9).rounded(.up))))f", tick)
  }
}
