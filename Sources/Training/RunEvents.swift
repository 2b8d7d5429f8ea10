import EmanateConfiguration
import EmanateInterchange

// What a run's event files hold besides numbers.

extension TrainingRun {
  /// The event file of this part of the run, with how it begins; the first part's has its settings and pictures as well.
  func events(_ preparation: Preparation, from start: Int, notes: [String]) throws -> TensorBoardLog {
    let events = try TensorBoardLog(run.tensorboard, from: start)
    var notes = notes
    if events.isFirst {
      try events.append(verbatim: configuration.yaml, tag: "run/config", step: start)
      try events.append(verbatim: preparation.recipe.yaml, tag: "run/recipe", step: start)
      do {
        for picture in try pictures(self, preparation) { try events.append(picture, step: start) }
      } catch let failure as FileFailure {
        throw failure
      } catch { notes.append("no pictures: \(error)") }
    }
    let plan = preparation.plan
    let first = "\(preparation.folder.count) images, \(plan.steps) steps, from step \(start) on"
    try events.append([first] + notes.map { "- \($0)" }, tag: "run/notes", step: start)
    return events
  }
}
