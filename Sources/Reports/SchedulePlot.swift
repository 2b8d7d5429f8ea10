import EmanateConfiguration
import EmanateOptimization
import Foundation

extension ScheduleReport {
  /// What the plots' horizontal axis counts.
  public enum PlotAxis: String, Sendable, CaseIterable {
    /// Passes over each run's own data.
    case epochs
    /// Images seen, in millions where there are many.
    case images
    /// Percent of each run.
    case share
  }

  /// Percent where some run is more than four times as long as another, whose schedules would not be seen otherwise.
  public var usualAxis: PlotAxis {
    let lengths = runs.map(\.plan.epochs)
    return (lengths.max() ?? 1) > 4 * (lengths.min() ?? 1) ? .share : .epochs
  }

  /// The schedules as small plots, a line a run, and beside them the teacher's half-life and age.
  public func sheet(_ axis: PlotAxis? = nil) -> ChartSheet {
    let axis = axis ?? usualAxis
    let names = runs.flatMap { $0.schedules.map(\.name) }
    let unique = names.enumerated().filter { names.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    let charts = unique.map { chart($0, axis) } + teacherCharts(axis)
    return ChartSheet(
      "Schedules of \(runs.map(\.name).joined(separator: ", "))",
      keys: runs.enumerated().map { ChartSheet.Key($0.element.name, colour: $0.offset) },
      charts: charts.filter { !$0.isEmpty }.map { $0.separatingEqualLines() })
  }

  /// The plots as an SVG file for light and dark backgrounds.
  public var svg: String { sheet().svg }

  private func xName(_ axis: PlotAxis) -> String {
    switch axis {
    case .epochs: "epoch"
    case .images: "images seen"
    case .share: "% of the run"
    }
  }

  private func place(_ step: Int, of run: Run, _ axis: PlotAxis) -> Double {
    switch axis {
    case .epochs: Double(step) / Double(run.plan.stepsPerEpoch)
    case .images: Double(step) * Double(run.plan.batchSize)
    case .share: 100 * Double(step) / Double(max(1, run.plan.steps - 1))
    }
  }

  private func chart(_ name: String, _ axis: PlotAxis) -> Chart {
    let lines = runs.enumerated().compactMap { index, run -> Chart.Line? in
      guard let schedule = run.schedules.first(where: { $0.name == name })?.schedule else { return nil }
      let points = Self.sampleSteps(run.plan.steps, count: 400).map {
        Chart.Point(x: place($0, of: run, axis), y: schedule($0))
      }
      return Chart.Line(run.name, colour: index, points: points)
    }
    var chart = Chart(name, xName: xName(axis), lines: lines)
    // Rates of optimizers differ a thousandfold; where they do, equal ratios are equally far.
    let peaks = lines.compactMap { $0.points.map(\.y).max() }.filter { $0 > 0 }
    if name == "learning rate", let most = peaks.max(), let least = peaks.min(), most > 20 * least {
      chart.isLogarithmic = true
      chart.lines = lines.map { line in
        var line = line
        // The way down to nothing would take all the room.
        line.points = line.points.map { Chart.Point(x: $0.x, y: $0.y > least / 1000 ? $0.y : .nan) }
        return line
      }
    }
    return chart
  }

  /// The teacher's half-life and age. A momentum near 1 makes them longer than any run: no more is drawn than ten times
  /// the images of the longest one.
  private func teacherCharts(_ axis: PlotAxis) -> [Chart] {
    let most = 10 * (runs.map { Double($0.plan.steps) * Double($0.plan.batchSize) }.max() ?? 1)
    func lines(_ values: (Run, [Int]) -> [Double]) -> [Chart.Line] {
      runs.enumerated().compactMap { index, run in
        guard run.hasTeacher else { return nil }
        let steps = Self.sampleSteps(run.plan.steps, count: 400)
        let points = zip(steps, values(run, steps)).map { step, value in
          let images = value * Double(run.plan.batchSize)
          return Chart.Point(
            x: place(step, of: run, axis), y: images > 0 && images <= most ? images : .nan)
        }
        return Chart.Line(run.name, colour: index, points: points)
      }
    }
    var halfLife = Chart(
      "half-life of the teacher", unit: "images", xName: xName(axis),
      lines: lines { run, steps in steps.map { EMAHalfLife.steps(momentum: run.plan.teacherMomentum($0)) } })
    var age = Chart(
      "mean age of the teacher's students", unit: "images", xName: xName(axis),
      lines: lines { run, steps in run.plan.teacherMomentum.meanAges(at: steps) })
    (halfLife.isLogarithmic, age.isLogarithmic) = (true, true)
    return [halfLife, age]
  }
}
