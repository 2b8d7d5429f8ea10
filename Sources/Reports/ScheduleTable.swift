import EmanateConfiguration
import EmanateOptimization

extension ScheduleReport {
  /// The report for a terminal: a table a run, with a small curve for each schedule.
  public var table: String { runs.map(table(of:)).joined(separator: "\n") }

  private func table(of run: Run) -> String {
    let plan = run.plan
    var lines = [
      "\(run.name): \(NumberText.grouped(plan.steps)) steps, \(NumberText.grouped(plan.stepsPerEpoch)) an epoch, "
        + "\(NumberText.short(plan.epochs)) epochs of \(NumberText.grouped(plan.images)) images in batches of "
        + "\(plan.batchSize)"
    ]
    for warning in plan.warnings + plan.remarks { lines.append("  note: \(warning)") }
    lines.append("")
    var rows = [["schedule", "first", "middle", "last", "smallest", "largest", "over the run"]]
    for (name, schedule) in run.schedules {
      let samples = Self.samples(schedule, steps: plan.steps, count: 2000)
      rows.append(
        [name, NumberText.short(schedule(0)), NumberText.short(schedule(plan.steps / 2))]
          + [schedule(plan.steps - 1), samples.min()!, samples.max()!].map { NumberText.short($0) }
          + [sparkline(Self.samples(schedule, steps: plan.steps, count: 32))])
    }
    lines += aligned(rows, leftColumns: [0, 6])
    if run.hasTeacher {
      lines.append("")
      lines += aligned(memoryRows(of: run), leftColumns: [0])
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func memoryRows(of run: Run) -> [[String]] {
    let plan = run.plan
    let last = plan.steps - 1
    var moments = [("first", 0), ("a tenth", plan.steps / 10), ("middle", plan.steps / 2), ("last", last)]
    if let current = run.currentStep { moments.append(("now", min(current, last))) }
    let halves = moments.map { _, step in
      EMAHalfLife(
        momentum: plan.teacherMomentum(step), stepsPerEpoch: plan.stepsPerEpoch, batchSize: plan.batchSize)
    }
    var rows = [["teacher at step"] + moments.map { "\($0.0) (\(NumberText.grouped($0.1)))" }]
    rows.append(["half-life in steps"] + halves.map { NumberText.size($0.steps) })
    rows.append(["half-life in epochs"] + halves.map { NumberText.size($0.epochs) })
    rows.append(["half-life in images"] + halves.map { NumberText.size($0.images) })
    let ages = moments.map { plan.teacherMomentum.meanAges(at: [$0.1])[0] }
    rows.append(["mean age of its students in steps"] + ages.map { NumberText.size($0) })
    rows.append(["mean age in images"] + ages.map { NumberText.size($0 * Double(plan.batchSize)) })
    for age in Self.studentAges {
      let name = "weight of the student of \(NumberText.grouped(age)) step\(age == 1 ? "" : "s") ago"
      rows.append(
        [name]
          + moments.map { _, step in
            age > step
              ? "–" : NumberText.short(plan.teacherMomentum.studentWeight(age: age, at: step), digits: 3)
          })
    }
    return rows
  }
}

/// Values as a row of small bars, the smallest lowest; a constant is a row in the middle.
func sparkline(_ values: [Double]) -> String {
  let bars = Array("▁▂▃▄▅▆▇█")
  guard let low = values.min(), let high = values.max() else { return "" }
  if high - low <= 1e-12 * max(abs(high), abs(low)) { return String(repeating: "▄", count: values.count) }
  return String(values.map { bars[min(7, Int(($0 - low) / (high - low) * 8))] })
}

/// Rows whose columns are padded to equal width; two spaces between, the first row underlined.
func aligned(_ rows: [[String]], leftColumns: Set<Int>) -> [String] {
  let columns = rows[0].indices
  let widths = columns.map { column in rows.map { $0[column].count }.max()! }
  var lines = rows.map { row in
    let cells = columns.map { column in
      let padding = String(repeating: " ", count: widths[column] - row[column].count)
      return leftColumns.contains(column) ? row[column] + padding : padding + row[column]
    }
    let line = "  " + cells.joined(separator: "  ")
    return line.replacing(/\s+$/, with: "")
  }
  lines.insert(
    "  " + columns.map { String(repeating: "─", count: widths[$0]) }.joined(separator: "  "), at: 1)
  return lines
}
