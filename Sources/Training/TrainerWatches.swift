import EmanateConfiguration
import EmanateEvaluation
import EmanateInterchange
import EmanateMethods

// What a run looks at besides its loss, and what of it stands in `metrics.jsonl`.

extension Trainer {
  func isDue(_ step: Int, _ interval: OffOr<Int>) -> Bool { interval.value.map { step % $0 == 0 } ?? false }

  /// The vote of nearest neighbours after `done` steps; nil without them.
  mutating func measureKNN(
    _ done: Int, _ observer: any RunObserver, _ clock: () -> Double
  ) throws(TrainingError) -> Accuracy? {
    guard let knn else { return nil }
    let began = clock()
    let accuracy = try knn.accuracy(of: step.method)
    observer.didMeasureKNN(accuracy, done: done, seconds: clock() - began)
    if let warning = votes.warning(accuracy, done: done, configuration) {
      observer.knnDidFall(warning, done: done)
      try tell(warning, as: "knn/warning", step: done)
    }
    return accuracy
  }

  /// Tells the observer if the verdict has changed; gives the error that ends the run if it is to end.
  func change(
    _ look: CollapseWatch.Look?, _ done: Int, _ observer: any RunObserver
  ) throws(TrainingError) -> TrainingError? {
    guard let look else { return nil }
    let advice = look.after.advice(configuration)
    if look.after != look.before {
      let change = CollapseChange(done: done, before: look.before, after: look.after, advice: advice)
      observer.verdictDidChange(change)
      try tell(change.description, as: "collapse/verdict", step: done - 1)
    }
    return look.after.isCollapse && configuration.collapse.stop
      ? .collapsed(done: done, verdict: look.after, advice: advice ?? "") : nil
  }

  /// A sentence for the event files.
  private func tell(_ sentence: String, as tag: String, step: Int) throws(TrainingError) {
    do throws(FileFailure) { try events?.append([sentence], tag: tag, step: step) } catch {
      throw .file(error)
    }
  }

  /// The watch's keys, the same in every line of a run; `null` where nothing was looked at.
  func watched(_ look: CollapseWatch.Look?) -> [(String, JSONValue)] {
    guard let watch else { return [] }
    let outputs = step.method.outputs
    func number(_ value: Double?) -> JSONValue { .number(value ?? .nan) }
    var fields: [(String, JSONValue)] = []
    if outputs.targets != nil { fields.append(("prototypesUsed", number(watch.prototypesUsed))) }
    for (name, features, spread) in [
      ("student", outputs.student, look?.student), ("teacher", outputs.teacher, look?.teacher),
      ("projection", outputs.projections, look?.projections),
    ] where features != nil {
      fields.append((name + "Deviation", number(spread?.deviation)))
      fields.append((name + "Rank", number(spread?.effectiveRank)))
    }
    return fields + [("collapse", look.map { .string($0.after.rawValue) } ?? .number(.nan))]
  }

  /// `knnTop1`, in percent, of the weights before the line's step; `null` where nobody voted.
  func voted(_ accuracy: Accuracy?) -> [(String, JSONValue)] {
    knn == nil ? [] : [("knnTop1", .number(accuracy?.top1 ?? .nan))]
  }
}
