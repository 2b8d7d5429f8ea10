import EmanateConfiguration
import EmanateOptimization
import EmanateTraining

/// What a run's numbers suggest besides the verdict: a sentence each, with a setting to change where there is one.
struct RunRemarks {
  /// One remark.
  struct Remark: Equatable {
    let text: String
    let change: SettingChange?
  }

  private(set) var remarks: [Remark] = []
  private let record: RunRecord

  init(_ record: RunRecord) {
    self.record = record
    waiting()
    memory()
    votes()
    clipping()
    validation()
    if record.skippedCount > 0 {
      let files = record.skippedCount == 1 ? "One file" : "\(NumberText.grouped(record.skippedCount)) files"
      note("\(files) could not be read: left out.")
    }
  }

  /// The settings to change, those of the verdict first; a setting once.
  static func changes(_ record: RunRecord) -> [SettingChange] {
    let all = record.inspection.changes + RunRemarks(record).remarks.compactMap(\.change)
    return all.enumerated().filter { place, change in
      all.firstIndex { $0.setting == change.setting } == place
    }.map(\.element)
  }

  private mutating func note(
    _ text: String, _ path: String? = nil, to value: String = "", _ reason: String = ""
  ) {
    let setting = path.flatMap(Setting.at)
    let from = setting.map { $0(record.settings).description } ?? ""
    let change = path.map { SettingChange(setting: $0, from: from, to: value, reason: reason) }
    remarks.append(Remark(text: text, change: change?.from == value ? nil : change))
  }

  private static func percent(_ share: Double) -> String { NumberText.short(100 * share, digits: 3) + " %" }

  /// A tenth of the time is where waiting begins to matter.
  private mutating func waiting() {
    guard let share = record.waiting.mean(from: 0), share > 0.1 else { return }
    note(
      "Training waited for images for \(Self.percent(share)) of the time.", "data.cache", to: "memory",
      "decoded images are kept from epoch to epoch")
  }

  /// A teacher whose half-life is most of the run has hardly left its first weights.
  private mutating func memory() {
    guard let momentum = record.curves["teacherMomentum"]?.points().first?.y, momentum > 0, momentum < 1,
      !record.isLabelled, record.settings.method != "simsiam", record.inspection.steps >= 100
    else { return }
    let steps = Double(record.settings.training.steps.value ?? record.inspection.steps)
    let halfLife = EMAHalfLife.steps(momentum: momentum)
    guard halfLife > 0.2 * steps else { return }
    let better = EMAHalfLife.momentum(momentum, halfLifeTimes: 0.02 * steps / halfLife)
    note(
      "The teacher's half-life at first, \(NumberText.size(halfLife)) steps, is \(Self.percent(halfLife / steps)) of the "
        + "run: it has hardly left its first weights.",
      "ema.momentum", to: NumberText.short(better, digits: 4), "a half-life of 2 % of the run")
  }

  private mutating func votes() {
    guard let points = record.curves["knnTop1"]?.points(), points.count > 2, let last = points.last,
      let best = points.dropFirst().max(by: { $0.y < $1.y }),
      best.y - last.y > max(2, 3 * votingError(best.y))
    else { return }
    note(
      "Nearest neighbours were better at step \(NumberText.grouped(Int(best.x))) "
        + "(\(NumberText.short(best.y, digits: 3)) %) than at the end (\(NumberText.short(last.y, digits: 3)) %)."
    )
  }

  /// The standard error of an accuracy in percent, by how many images are told: of a fold of a run's own a fifth.
  private func votingError(_ top1: Double) -> Double {
    let most = Double(min(record.settings.knn.images, record.images ?? .max))
    let count = record.settings.knn.test == .off ? KNNSettings.testShare * most : most
    return (top1 * (100 - top1) / max(1, count)).squareRoot()
  }

  /// With a clip of all gradients together the norm says how often it was cut.
  private mutating func clipping() {
    guard let clip = record.settings.optimizer.clip.value, record.settings.optimizer.clipping == .global,
      let points = record.curves["gradientNorm"]?.points(), points.count > 10
    else { return }
    let cut = Double(points.count { $0.y > clip }) / Double(points.count)
    if cut > 0.5 {
      note(
        "Gradients were cut to \(clip) in about \(Self.percent(cut)) of the steps: the clip sets the size of the steps."
      )
    }
  }

  private mutating func validation() {
    guard let points = record.curves["validationTop1"]?.points(), points.count > 3, let last = points.last,
      let best = points.max(by: { $0.y < $1.y }), best.y - last.y > 1,
      record.settings.validation.patience == .off
    else { return }
    note(
      "The images held out were told best at step \(NumberText.grouped(Int(best.x))); later steps only learned the "
        + "training images. The best checkpoint is the one that is read.", "validation.patience", to: "5",
      "ends a run that gets no better")
  }
}
