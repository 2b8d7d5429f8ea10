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
    /// The plan whose network of the same seed teaches; nil where the configuration says who does.
    var teacher: String?
    /// Which of several generations it is, from 1 on; 0 elsewhere.
    var generation = 0
  }

  let out: String
  let plans: [Plan]
  let seeds: [Int]
  /// Whether there is one seed, and no folder for it.
  var isSingle = false
  /// A run of these settings, before its folder is known.
  let training: (ExperimentConfiguration) -> TrainingRun

  /// A training of the grid.
  struct Cell {
    let row: Int
    let name: String
    let seed: Int
    let run: TrainingRun
    /// The plan whose network teaches it, and what is tried in its place before that is trained.
    let teacher: String?
    let trial: TrainingRun?

    /// What would be refused; of a later seed only its folder, since what does not fit for one does not for another.
    func check(folderOnly: Bool) throws {
      if folderOnly { return try run.checkFolder() }
      guard let trial else { return try run.check() }
      try trial.check(folderToo: false)
      try run.checkFolder()
    }
  }

  private func folder(_ plan: String, _ seed: Int) -> String {
    isSingle ? "\(out)/\(plan)" : "\(out)/\(plan)/seed-\(seed)"
  }

  /// Seed by seed, so that an interrupted grid has compared something.
  var cells: [Cell] {
    seeds.flatMap { seed in
      plans.enumerated().map { row, plan in
        var run = training(plan.settings(seed: seed, teacher: plan.teacher.map { folder($0, seed) }))
        run.run = RunFolder(folder(plan.name, seed))
        // A folder that is still empty begins without a word about it.
        run.resumes = run.resumes && run.run.holdsRun
        return Cell(
          row: row, name: plan.name, seed: seed, run: run, teacher: plan.teacher,
          trial: plan.trial(seed: seed).map(training))
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
        "\(out) holds a single run; --seeds, --sweep and generations keep theirs in folders below: name another one"
      )
    }
    var failures: [CommandFailure] = []
    for cell in cells {
      do {
        try cell.check(folderOnly: cell.seed != seeds[0])
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

  /// Trains what is not yet trained; `figures` looks at each network that is finished. A loss that is not finite ends its
  /// own training only, and is said in the report.
  ///
  /// - Returns: Whether it was interrupted.
  func callAsFunction(
    _ report: inout DistillationReport, showing output: OutputOptions,
    figures: (Cell) throws -> DistillationReport.Figures
  ) throws -> Bool {
    let interruption = Interruption()
    let cells = cells
    var failed: Set<String> = []
    for (number, cell) in cells.enumerated() {
      output.say("\(number + 1)/\(cells.count)  \(cell.name), seed \(cell.seed): \(cell.run.run.path)")
      if let teacher = cell.teacher, failed.contains(folder(teacher, cell.seed)) {
        report.rows[cell.row].failures.append(
          "seed \(cell.seed): its teacher \(teacher) could not be trained")
        failed.insert(cell.run.run.path)
        try report.write()
        continue
      }
      do {
        if try cell.run(showing: output, until: interruption).isInterrupted {
          try report.write()
          return true
        }
      } catch let error as TrainingError {
        guard case .lossNotFinite = error else { throw error }
        StandardError.warn("\(cell.name), seed \(cell.seed): \(error)")
        report.rows[cell.row].failures.append("seed \(cell.seed): \(error)")
        failed.insert(cell.run.run.path)
        try report.write()
        continue
      }
      report.rows[cell.row].runs.append(try figures(cell))
      try report.write()
    }
    return false
  }
}
