import EmanateData
import EmanateEvaluation

/// What a run tells while it goes on: for progress bars, reports, logs of your own. What a conformer leaves out is
/// not heard.
public protocol RunObserver {
  /// Before the first step: the plan in words, and what was changed or may matter.
  func runWillStart(steps: Int, from: Int, images: Int, notes: [String])
  /// After each step.
  func didStep(_ progress: RunProgress)
  /// A file was left out.
  func didSkip(_ file: SkippedFile)
  /// A checkpoint is on the disk.
  func didSave(step: Int)
  /// The watch over collapse says something else than before.
  func verdictDidChange(_ change: CollapseChange)
  /// Nearest neighbours voted after `done` steps; it took `seconds`.
  func didMeasureKNN(_ accuracy: Accuracy, done: Int, seconds: Double)
  /// The last vote is well below the best one; the warning says from where to where, and what to change.
  func knnDidFall(_ warning: String, done: Int)
  /// The images held out were judged after `done` steps; it took `seconds`. The best network so far is kept.
  func didValidate(_ report: ClassificationReport, done: Int, isBest: Bool, seconds: Double)
}

extension RunObserver {
  /// Nothing.
  public func runWillStart(steps: Int, from: Int, images: Int, notes: [String]) {}
  /// Nothing.
  public func didStep(_ progress: RunProgress) {}
  /// Nothing.
  public func didSkip(_ file: SkippedFile) {}
  /// Nothing.
  public func didSave(step: Int) {}
  /// Nothing.
  public func verdictDidChange(_ change: CollapseChange) {}
  /// Nothing.
  public func didMeasureKNN(_ accuracy: Accuracy, done: Int, seconds: Double) {}
  /// Nothing.
  public func knnDidFall(_ warning: String, done: Int) {}
  /// Nothing.
  public func didValidate(_ report: ClassificationReport, done: Int, isBest: Bool, seconds: Double) {}
}

/// Where a run stands after a step.
public struct RunProgress: Sendable {
  /// Steps done, of all.
  public let done, steps: Int
  /// The step's loss.
  public let loss: Double
  /// Seconds since the run (or its continuation) began.
  public let seconds: Double
  /// Of those, how long the training thread waited for its batches.
  public let waitingSeconds: Double
  /// Images trained on since then, a second.
  public let imagesPerSecond: Double
}
