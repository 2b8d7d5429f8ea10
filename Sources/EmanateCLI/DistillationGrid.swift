import ArgumentParser
import EmanateConfiguration
import EmanateTraining

/// Several trainings of one student, by family and by seed, each in a folder of its own: OUT/hinton/seed-0. Everything
/// is checked before the first one begins; what is finished is kept when the whole is continued.
struct DistillationGrid {
  /// One way to train the student.
  struct Plan {
    let name: String
    let configuration: ExperimentConfiguration
  }

  let out: String
  let plans: [Plan]
  let seeds: [Int]
  /// A run of these settings, before its folder is known.
  let training: (ExperimentConfiguration) -> TrainingRun

  /// A training of the grid.
  struct Cell {
    let row: Int
    let name: String
    let seed: Int
    let run: TrainingRun
  }

  /// Seed by seed, so that an interrupted grid has compared something.
  var cells: [Cell] {
    seeds.flatMap { seed in
      plans.enumerated().map { row, plan in
        var configuration = plan.configuration
        configuration.seed = seed
        var run = training(configuration)
        run.run = RunFolder("\(out)/\(plan.name)/seed-\(seed)")
        // A folder that is still empty begins without a word about it.
        run.resumes = run.resumes && run.run.holdsRun
        return Cell(row: row, name: plan.name, seed: seed, run: run)
      }
    }
  }

  /// All that would be refused, found before anything is trained or written.
  ///
  /// - Throws: `CommandFailure` with a line for each training that cannot be.
  func check() throws {
    if RunFolder(out).holdsRun {
      throw CommandFailure(
        .usage,
        "\(out) holds a single run; --seeds and --sweep keep theirs in folders below: name another one")
    }
    var failures: [CommandFailure] = []
    for cell in cells {
      do {
        // What does not fit for one seed does not for another.
        if cell.seed == seeds[0] { try cell.run.check() } else { try cell.run.checkFolder() }
      } catch {
        let failure = CommandFailure(error)
        failures.append(CommandFailure(failure.code, "\(cell.name): \(failure.message)"))
      }
    }
    guard let first = failures.first else { return }
    var lines = failures.map(\.message)
    let others = plans.map(\.name).filter { name in !lines.contains { $0.hasPrefix(name + ": ") } }
    if plans.count > 2 && others.count > 1 {
      lines.append(
        "nothing was trained; other layers may fit (distill.layers), or name the families that can be: --sweep "
          + others.filter { $0 != DistillationReport.baseline }.joined(separator: " "))
    }
    throw CommandFailure(first.code, lines.joined(separator: "\nemanate: "))
  }

  /// Trains what is not yet trained; `judge` looks at each network that is finished. A loss that is not finite ends its
  /// own training only, and is said in the report.
  ///
  /// - Returns: Whether it was interrupted.
  func callAsFunction(
    _ report: inout DistillationReport, showing output: OutputOptions,
    judge: (Cell) throws -> ClassifierJudgement,
    figures: (ClassifierJudgement, Int) -> DistillationReport.Figures
  ) throws -> Bool {
    let interruption = Interruption()
    let cells = cells
    for (number, cell) in cells.enumerated() {
      output.say("\(number + 1)/\(cells.count)  \(cell.name), seed \(cell.seed): \(cell.run.run.path)")
      do {
        if try cell.run(showing: output, until: interruption).isInterrupted {
          try report.write()
          return true
        }
      } catch let error as TrainingError {
        guard case .lossNotFinite = error else { throw error }
        StandardError.warn("\(cell.name), seed \(cell.seed): \(error)")
        report.rows[cell.row].failures.append("seed \(cell.seed): \(error)")
        try report.write()
        continue
      }
      report.rows[cell.row].runs.append(figures(try judge(cell), cell.seed))
      try report.write()
    }
    return false
  }
}
