import EmanateMethods

extension TrainingRun {
  /// Finds out what a run would refuse before its first step: settings, images, teachers, layers that no connector
  /// bridges, and a folder that holds another run. Nothing is written.
  ///
  /// - Parameter folderToo: Whether the run's folder counts; without it the settings of a run can be tried whose teachers
  ///   are not there yet.
  /// - Throws: What the run would.
  public func check(folderToo: Bool = true) throws {
    let preparation = try prepared()
    if folderToo { try checkFolder(preparation) }
    func check<M: Method>(_ method: M) throws { _ = try trainer(method, preparation, nil) }
    try check(try method.make(material(preparation)))
  }

  /// Whether the folder may be written to: it holds no run, or this one.
  public func checkFolder() throws { if run.holdsRun { try checkFolder(try prepared()) } }

  /// How far the run in the folder has come: steps done, of how many, and whether that is its end, which patience with the
  /// images held out (`validation.patience`) may bring before the last step.
  ///
  /// - Throws: What `prepared()` throws, and `TrainingError` for a checkpoint that cannot be read.
  public func progress() throws -> (done: Int, steps: Int, isFinished: Bool) {
    let steps = try prepared().plan.steps
    guard let folder = run.newestCheckpoint else { return (0, steps, false) }
    let state = try Checkpoint.state(at: folder)
    let hasLooked = configuration.validation.share == .off || state.validation?.last.done == state.step
    let isOutOfPatience =
      configuration.validation.patience.value.map { state.validation?.waited ?? 0 >= $0 } ?? false
    return (state.step, steps, isOutOfPatience || (state.step >= steps && hasLooked))
  }

  private func checkFolder(_ preparation: Preparation) throws {
    guard run.holdsRun && !overwrites else { return }
    if !resumes { throw TrainingError.runExists(path: run.path) }
    try checkConfiguration(preparation.recipe)
    if let folder = run.newestCheckpoint, !allowsChangedData {
      let state = try Checkpoint.state(at: folder)
      if state.dataHash != preparation.folder.contentHash {
        throw TrainingError.dataDiffers(
          path: run.path, images: preparation.folder.count, otherImages: state.images)
      }
    }
  }
}
