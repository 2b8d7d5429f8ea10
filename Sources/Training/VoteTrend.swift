import EmanateConfiguration
import EmanateEvaluation
import Foundation

/// Whether the votes of nearest neighbours fall while a run goes on: training that undoes what weights knew shows here
/// long before it shows in the loss.
struct VoteTrend {
  private var best: (top1: Double, done: Int)?

  /// No votes yet.
  init() {}

  /// The votes that a run's metrics have, as a continued run needs them.
  init(readingMetrics path: String, _ configuration: ExperimentConfiguration) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
    for line in text.split(separator: "\n") where !line.contains("\"knnTop1\":null") {
      guard let values = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let step = values["step"] as? Int, let top1 = values["knnTop1"] as? Double
      else { continue }
      note(top1, done: step, configuration)
    }
  }

  /// The random weights of a new network are no measure: networks of convolutions fall below them at first.
  private mutating func note(_ top1: Double, done: Int, _ configuration: ExperimentConfiguration) {
    if done == 0 && configuration.start.weights == .off { return }
    if top1 > best?.top1 ?? -1 { best = (top1, done) }
  }

  /// Notes a vote. Gives a warning with the settings to change where it is below the best one by 2 points or more, and
  /// by more than three standard errors of a share of so many images.
  mutating func warning(
    _ accuracy: Accuracy, done: Int, _ configuration: ExperimentConfiguration
  ) -> String? {
    defer { note(accuracy.top1, done: done, configuration) }
    guard let best else { return nil }
    let share = best.top1 / 100
    let error = 100 * (share * (1 - share) / Double(accuracy.count)).squareRoot()
    guard best.top1 - accuracy.top1 > max(2, 3 * error) else { return nil }
    let rate = configuration.training.learningRate
    let cure =
      configuration.start.weights == .off
      ? "training.learningRate (\(rate)) may be too high, or ema.momentum (\(configuration.ema.momentum)) too low"
      : "training.learningRate (\(rate)) may be too high for weights that have learned already, or "
        + "start.headEpochs (\(configuration.start.headEpochs)) and start.rampEpochs "
        + "(\(configuration.start.rampEpochs)) too few"
    return String(
      format: "nearest neighbours fell from %.2f %% after %ld steps to %.2f %%; %@", best.top1, best.done,
      accuracy.top1, cure)
  }
}
