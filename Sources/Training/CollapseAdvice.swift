import EmanateConfiguration

extension CollapseWatch.Verdict {
  /// The verdict in words, for a person.
  public var summary: String {
    switch self {
    case .notStarted: "not started: too early to say, or the loss has not left its start"
    case .healthy: "healthy: no sign of collapse"
    case .uniform: "collapsed, uniform: every image gets all prototypes alike"
    case .oneHot: "collapsed, oneHot: every image gets the same target, one prototype or few"
    case .dimensional: "collapsed, dimensional: the features of all images are nearly the same"
    }
  }

  /// The setting that most likely brought it about, given the run's settings; nil where nothing is wrong.
  public func advice(_ configuration: ExperimentConfiguration) -> String? {
    let (dino, ema) = (configuration.dino, configuration.ema)
    if isCollapse && configuration.method != "simsiam" && ema.momentum < 0.9 && ema.halfLifeImages == .off {
      return
        "the teacher hardly differs from the student: ema.momentum is \(ema.momentum); 0.99 to 0.999 is usual"
    }
    switch self {
    case .notStarted, .healthy: return nil
    case .uniform:
      let sharpens = dino.teacherTemperature < dino.studentTemperature
      return sharpens
        ? "dino.teacherTemperature (\(dino.teacherTemperature)) may still be too high, or "
          + "training.learningRate"
        : "nothing sharpens the targets: dino.teacherTemperature is \(dino.teacherTemperature), the student's "
          + "\(dino.studentTemperature); 0.04 to 0.07 is usual"
    case .oneHot:
      return dino.centering == .off
        ? "nothing centers the targets: dino.centering is off; ema and sinkhorn keep prototypes apart"
        : "dino.centerMomentum (\(dino.centerMomentum)) may be too slow, or dino.teacherTemperature "
          + "(\(dino.teacherTemperature)) too low"
    case .dimensional:
      return "training.learningRate or optimizer.weightDecay may be too high"
        + (configuration.method == "dino"
          ? ", or ema.momentum (\(ema.momentum)) too low"
          : ", or the predictor is missing or learns too slowly")
    }
  }
}

/// A change of what the watch over collapse says, which two looks in a row have seen.
public struct CollapseChange: Sendable {
  /// Steps done.
  public let done: Int
  /// What it said before, and what it says now.
  public let before, after: CollapseWatch.Verdict
  /// The setting that most likely brought it about; nil where nothing is wrong.
  public let advice: String?

  /// The change in a line.
  public var description: String {
    "step \(done): \(after.summary)" + (advice.map { "; \($0)" } ?? "")
  }
}
