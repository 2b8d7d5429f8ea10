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
    try check(try method.make(preparation.material(configuration)))
  }

  /// Whether the folder may be written to: it holds no run, or this one.
  public func checkFolder() throws { if run.holdsRun { try checkFolder(try prepared()) } }

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
