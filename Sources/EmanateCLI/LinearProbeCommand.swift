import ArgumentParser
import EmanateData
import EmanateEvaluation
import Foundation

/// `emanate linear-probe`: a linear classifier on frozen features.
struct LinearProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linear-probe", abstract: "Judges features by a linear classifier that is trained on them.",
    discussion: """
      Features are taken once. Several learning rates are trained together on nine tenths of the training images; the
      best on the remaining tenth is trained anew on all of them, tested, and named.
      """,
    examples: [
      "emanate linear-probe --weights runs/photos --train labelled/train --test labelled/test"
    ])

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var split: SplitOptions

  @Option(help: "Passes over the training features.")
  var epochs = 100

  @Option(help: "Images in a step.")
  var batch = 128

  @Option(
    name: .customLong("learning-rate"), parsing: .upToNextOption,
    help:
      "Rates to try, per 256 images; a step's rate is this times batch / 256. (default: 0.001 to 3, eight of them)"
  )
  var learningRates: [Double] = []

  @Option(help: "Keys the split, the first weights and the order of the images.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !(1...100_000).contains(epochs) {
      throw ValidationError("--epochs: \(epochs) is not from 1 to 100000")
    }
    if !(1...1_000_000).contains(batch) {
      throw ValidationError("--batch: \(batch) is not from 1 to 1000000")
    }
    if let rate = learningRates.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw ValidationError("--learning-rate: \(rate) is not above 0")
    }
  }

  func run() throws {
    threading.apply()
    let folders = try split.folders(seed: seed)
    let source = try weights.source(seed: seed)
    let features = try LabelledFeatures(folders, by: source, name: "images")
    warn(ofSkipped: features.skipped)
    var options = LinearProbe.Options()
    (options.epochs, options.batchSize, options.seed) = (epochs, batch, seed)
    if !learningRates.isEmpty { options.learningRates = learningRates }
    let start = ProcessInfo.processInfo.systemUptime
    let progress = CountProgress("epochs", of: 2 * epochs)
    let probe = try LinearProbe(
      features: features.train.rows, labels: features.trainLabels, classes: features.classes.count,
      options: options
    ) { progress($0) }
    progress.finish()
    let seconds = ProcessInfo.processInfo.systemUptime - start
    let accuracy = probe.accuracy(features: features.test.rows, labels: features.testLabels)
    let summary = Summary(
      weights: weights.weights, top1: accuracy.top1, top5: accuracy.top5, learning_rate: probe.learningRate,
      epochs: epochs, batch: batch, train_images: features.train.count, test_images: features.test.count,
      classes: features.classes.count, dimension: features.train.dimension,
      trials: probe.trials.map { Trial(learning_rate: $0.learningRate, held_out_top1: $0.accuracy.top1) },
      images_per_second: features.imagesPerSecond, seconds: seconds, skipped: features.skipped.count,
      skipped_files: features.skipped.map(SkippedEntry.init))
    output.result(summary, text: Self.text(summary))
  }

  private static func text(_ summary: Summary) -> String {
    let trials = summary.trials.map { String(format: "  %-8g %6.2f %%", $0.learning_rate, $0.held_out_top1) }
    return """
      learning rate (per 256 images) and top-1 on held-out training images:
      \(trials.joined(separator: "\n"))
      \(String(
        format: "top-1 %.2f %%, top-5 %.2f %% on %d test images, %d classes, at learning rate %g", summary.top1,
        summary.top5, summary.test_images, summary.classes, summary.learning_rate))
      """
  }

  private struct Trial: Encodable {
    let learning_rate, held_out_top1: Double
  }

  private struct Summary: Encodable {
    let weights: String
    let top1, top5, learning_rate: Double
    let epochs, batch, train_images, test_images, classes, dimension: Int
    let trials: [Trial]
    let images_per_second, seconds: Double
    let skipped: Int
    let skipped_files: [SkippedEntry]
  }
}
