import EmanateData
import EmanateEvaluation
import EmanateTraining
import Foundation

/// Shows a run's progress: one line that is rewritten on a terminal, a line now and then in a pipe.
final class ProgressLines: RunObserver {
  private let output: OutputOptions
  private let isTerminal: Bool
  private var lastShown = -Double.infinity
  private var first: Int?
  private var isLineOpen = false

  init(output: OutputOptions) {
    self.output = output
    isTerminal = isatty(output.json ? 2 : 1) == 1
  }

  func runWillStart(steps: Int, from: Int, images: Int, notes: [String]) {
    for note in notes { StandardError.warn(note) }
    output.say(
      from == 0
        ? "\(images) images, \(steps) steps." : "\(images) images; going on at step \(from) of \(steps).")
  }

  func didStep(_ progress: RunProgress) {
    let start = first ?? progress.done - 1
    first = start
    let isLast = progress.done == progress.steps
    guard isLast || progress.seconds - lastShown >= (isTerminal ? 0.5 : 30) else { return }
    lastShown = progress.seconds
    let rate = progress.seconds / Double(progress.done - start)
    let left = rate * Double(progress.steps - progress.done)
    let text = String(
      format: "step %d/%d  loss %.4f  %.1f images/s  %@ left", progress.done, progress.steps, progress.loss,
      progress.imagesPerSecond, Self.duration(left))
    if isTerminal {
      put("\r\u{1B}[K\(Self.bar(progress.done, progress.steps))  \(text)")
      isLineOpen = true
    } else {
      put(text + "\n")
    }
  }

  func didSkip(_ file: SkippedFile) {
    finish()
    StandardError.warn("left out: \(file)")
  }

  func didSave(step: Int) {}

  func verdictDidChange(_ change: CollapseChange) {
    finish()
    if change.after.isCollapse {
      StandardError.warn(change.description)
    } else {
      put(change.description + "\n")
    }
  }

  func didMeasureKNN(_ accuracy: Accuracy, done: Int, seconds: Double) {
    finish()
    put(
      String(
        format: "after %d steps: nearest neighbours %.2f %% top-1 of %d images, in %.1f s\n", done,
        accuracy.top1, accuracy.count, seconds))
  }

  func knnDidFall(_ warning: String, done: Int) {
    finish()
    StandardError.warn(warning)
  }

  func didValidate(_ report: ClassificationReport, done: Int, isBest: Bool, seconds: Double) {
    finish()
    put(
      String(
        format: "after %d steps: %.2f %% top-1 of %d images held out, loss %.4f%@, in %.1f s\n", done,
        report.accuracy.top1, report.accuracy.count, report.loss, isBest ? ", the best so far" : "", seconds)
    )
  }

  /// Ends the line that was being rewritten.
  func finish() {
    if isLineOpen { put("\n") }
    isLineOpen = false
  }

  private func put(_ text: String) {
    (output.json ? FileHandle.standardError : FileHandle.standardOutput).write(Data(text.utf8))
  }

  private static func bar(_ done: Int, _ all: Int) -> String {
    let full = all == 0 ? 20 : 20 * done / all
    return String(repeating: "█", count: full) + String(repeating: "░", count: 20 - full)
  }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
    return whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
  }
}
