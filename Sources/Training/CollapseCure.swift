import EmanateConfiguration
import Foundation

/// A setting that a run had better be started with, and why.
public struct SettingChange: Sendable, Hashable, Encodable {
  /// The setting's key.
  public let setting: String
  /// Its value in the run, and the value to try.
  public let from, to: String
  /// What the change does, in a sentence.
  public let reason: String

  /// A change of a setting.
  public init(setting: String, from: String, to: String, reason: String) {
    (self.setting, self.from, self.to, self.reason) = (setting, from, to, reason)
  }

  /// The change as an option of the command line.
  public var option: String { "--set \(setting)=\(to)" }
}

extension CollapseWatch.Verdict {
  /// What to change for another run, the likeliest cure first; empty where nothing is wrong.
  ///
  /// The values are the published ones where a setting is far from them, and a step in the right direction where it is
  /// near (our choice).
  public func changes(_ configuration: ExperimentConfiguration) -> [SettingChange] {
    var cure = Cure(configuration)
    if isCollapse { cure.fastTeacher() }
    switch self {
    case .healthy: break
    case .notStarted: cure.notStarted()
    case .uniform: cure.uniform()
    case .oneHot: cure.oneHot()
    case .dimensional: cure.dimensional()
    }
    return cure.changes
  }
}

/// The changes that a verdict leads to, by the settings of the run.
private struct Cure {
  let settings: ExperimentConfiguration
  var changes: [SettingChange] = []
  private var dino: DINOSettings { settings.dino }

  init(_ settings: ExperimentConfiguration) { self.settings = settings }

  /// Nothing where the setting has the value already.
  private mutating func set(_ path: String, to value: String, _ reason: String) {
    guard let from = Setting.at(path).map({ $0(settings).description }), from != value else { return }
    changes.append(SettingChange(setting: path, from: from, to: value, reason: reason))
  }

  private mutating func set(_ path: String, to value: Double, _ reason: String) {
    set(path, to: String(format: "%.3g", value), reason)
  }

  /// A teacher that hardly differs from the student is a cause of every collapse.
  mutating func fastTeacher() {
    if settings.method != "simsiam" && settings.ema.momentum < 0.9 && settings.ema.halfLifeImages == .off {
      set("ema.momentum", to: "0.99", "the teacher hardly differs from the student; 0.99 to 0.999 is usual")
    }
  }

  mutating func notStarted() {
    set(
      "training.learningRate", to: 3 * settings.training.learningRate,
      "the loss has not left its start: larger steps may move it")
    if settings.training.warmupEpochs > 0 {
      set("training.warmupEpochs", to: "0", "a short run may end before its warm-up has come to anything")
    }
  }

  mutating func uniform() {
    let isBlunt = dino.teacherTemperature >= dino.studentTemperature
    let target = isBlunt ? 0.04 : max(0.01, dino.teacherTemperature / 2)
    set(
      "dino.teacherTemperature", to: target,
      isBlunt
        ? "nothing sharpens the targets while the teacher's temperature is not below the student's"
        : "sharper targets tell images apart")
    if dino.warmupTeacherTemperature > target {
      set("dino.warmupTeacherTemperature", to: target, "so that they are sharp from the start")
    }
    if !isBlunt {
      set(
        "training.learningRate", to: settings.training.learningRate / 3, "smaller steps keep what is learned")
    }
  }

  mutating func oneHot() {
    if dino.centering == .off {
      set("dino.centering", to: "ema", "nothing else keeps one prototype from taking every image")
      return
    }
    set("dino.centering", to: "sinkhorn", "gives every prototype an equal share of each batch")
    if dino.centering == .ema && dino.centerMomentum > 0.9 {
      set("dino.centerMomentum", to: "0.9", "a quicker center follows the targets")
    }
    if dino.teacherTemperature < 0.07 {
      set(
        "dino.teacherTemperature", to: min(0.07, dino.teacherTemperature * 1.5),
        "softer targets favour one prototype less")
    }
    if changes.isEmpty {
      set(
        "training.learningRate", to: settings.training.learningRate / 3, "smaller steps keep prototypes apart"
      )
    }
  }

  mutating func dimensional() {
    set("training.learningRate", to: settings.training.learningRate / 3, "smaller steps keep features apart")
    if settings.optimizer.weightDecay > 0.1 {
      set(
        "optimizer.weightDecay", to: "0.04", "decay pulls all weights, and with them all features, together")
    }
    if settings.optimizer.finalWeightDecay > 0.4 {
      set("optimizer.finalWeightDecay", to: "0.4", "decay that grows does the same later; 0.4 is DINO's")
    }
    if settings.method == "dino" && dino.koleoWeight == 0 {
      set("dino.koleoWeight", to: "0.1", "KoLeo's loss spreads features evenly")
    }
  }
}
