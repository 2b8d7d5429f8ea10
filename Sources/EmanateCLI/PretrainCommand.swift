import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateInterchange
import EmanateKernels
import EmanateTensors
import EmanateTraining
import Foundation

/// `emanate pretrain`: self-distillation on folders of images.
struct PretrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain", abstract: "Learns features from folders of PNG and JPEG files, without labels.",
    discussion: """
      A student network learns to agree with its own moving average, the teacher, about different crops of the same image
      (DINO; `emanate list methods` names others, and --set method=byol chooses one). The defaults are those published for
      large data; small data wants fewer prototypes and a quicker teacher, as --auto chooses them.

      Interrupting (Ctrl-C) finishes the step, saves and exits with 130; --resume goes on from there, bit for bit.
      """,
    examples: [
      "emanate pretrain --data photos --out runs/photos --set training.epochs=20",
      Example(
        "What it would do, how long and in how much memory",
        "emanate pretrain --data photos --out runs/photos --dry-run"),
      Example(
        "Images of 28 to 32 pixels",
        "emanate pretrain --data fashion/train --out runs/fashion --config pretrain/dino-resnet-fashion"),
      Example(
        "Settings that follow from the images and an hour of time",
        "emanate pretrain --data photos --out runs/hour --auto --minutes 60"),
    ])

  @Option(
    name: .long, parsing: .upToNextOption, help: "Folders of images, nested or flat.", completion: .directory)
  var data: [String]

  @OptionGroup var options: RunOptions

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "Begin with the backbone of a run, a checkpoint, a safetensors or PyTorch file (configuration key "
        + "`start.weights`): heads learn first, then the backbone gently; nearest neighbours watch where there are labels. (default: random weights)",
      valueName: "weights"), completion: CompletionOffers.weights)
  var initialWeights: String?

  @Flag(
    name: .customLong("dry-run"),
    help: "Say what would be done and, by a few steps tried, how long it takes; write nothing.")
  var dryRun = false

  @OptionGroup var automatic: AutomaticOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try options.needOut() }

  func run() throws {
    threading.apply()
    let pretraining = options.training(try settings(), data: data)
    if dryRun { return try describe(pretraining) }
    let outcome = try pretraining(showing: output)
    output.result(Summary(outcome, run: options.out), text: text(of: outcome) + watch(of: outcome))
    if outcome.isInterrupted { throw ExitCode(CommandFailure.Code.interrupted.rawValue) }
  }

  /// With --resume and no settings, those the run was begun with.
  private func settings() throws -> ExperimentConfiguration {
    let saved = try options.savedSettings()
    if let saved, !automatic.isOn && !options.saySettings && initialWeights == nil { return saved }
    let files = options.files
    let overrides = options.settings + (initialWeights.map { ["start.weights=\($0)"] } ?? [])
    if let saved, automatic.isOn {
      // What was chosen when the run began; time and images may be others now.
      return try automatic.settings(of: saved, files: files, overrides: overrides)
    }
    if automatic.isOn { return try automatic.settings(data: data, files: files, overrides: overrides) }
    let settings = try ExperimentConfiguration.load(files: files, overrides: overrides)
    return initialWeights == nil ? settings : try watched(settings, files: files, overrides: overrides)
  }

  /// The settings with nearest neighbours every hundred steps, unless files or overrides say otherwise, where the images
  /// have labels enough for them: weights that know something can be spoilt, and the loss does not show it.
  private func watched(
    _ settings: ExperimentConfiguration, files: [String], overrides: [String]
  ) throws -> ExperimentConfiguration {
    let watched = try ExperimentConfiguration.load(
      chosen: [("knn: {everySteps: 100}", "--init")], files: files, overrides: overrides)
    if watched.knn.train == .off {
      let folder = try ImageFolder(data)
      let voting = min(folder.count, watched.knn.images)
      if folder.classes.count < 2 || Double(voting) * (1 - KNNSettings.testShare) < Double(2 * watched.knn.k)
      {
        if watched.knn.everySteps != settings.knn.everySteps {
          StandardError.warn(
            "nothing watches whether features get worse: the images stand in no class folders, or are too few; "
              + "knn.everySteps, knn.train and knn.test can name labelled ones")
        }
        return settings
      }
    }
    return watched
  }

  private func text(of outcome: RunOutcome) -> String {
    if outcome.isInterrupted {
      return
        outcome.stopped(options.out)
    }
    guard let loss = outcome.loss else {
      return "All \(outcome.steps) steps were done already. Run: \(options.out)"
    }
    return String(
      format:
        "%d steps in %.1f minutes, %.1f images/s, %.1f s of it waiting for images; loss %.4f; %.0f MB of "
        + "memory. Run: %@", outcome.done - outcome.start, outcome.seconds / 60, outcome.imagesPerSecond,
      outcome.waitingSeconds, loss, Double(peakResidentBytes()) / 1e6, options.out)
  }

  /// A line about collapse, or nothing where nobody looked.
  private func watch(of outcome: RunOutcome) -> String {
    guard let verdict = outcome.verdict, outcome.looks > 0 else { return "" }
    return String(
      format: "\nCollapse watch: %@ (%d looks in %.2f s).", verdict.summary, outcome.looks,
      outcome.lookingSeconds)
  }

  private func text(of forecast: Forecast, peak: Int) -> String {
    if forecast.tried == 0 { return "No step is left to do." }
    return String(
      format: "By %d steps tried: %@ for %d steps, %.1f images/s, %.0f %% of the time waiting for images; "
        + "%.0f MB of memory.", forecast.tried, ProgressLines.duration(forecast.seconds), forecast.steps,
      forecast.imagesPerSecond, 100 * forecast.waitingShare, Double(peak) / 1e6)
  }

  private func describe(_ pretraining: TrainingRun) throws {
    let preparation = try pretraining.prepared()
    let plan = preparation.plan
    for note in preparation.notes { StandardError.warn(note) }
    output.say(
      """
      \(plan.images) images, \(plan.stepsPerEpoch) \(plan.stepsPerEpoch == 1 ? "step" : "steps") of \(plan.batchSize) \
      an epoch, \(plan.steps) steps in all.
      Views: \(preparation.views.groups.map { "\($0.views) x \($0.side)" }.joined(separator: " + ")) pixels.
      """)
    StandardError.write("emanate: some steps are tried, of which nothing is kept\n")
    let forecast = try pretraining.forecast { ProcessInfo.processInfo.systemUptime }
    let peak = peakResidentBytes()
    output.result(
      Plan(
        images: plan.images, steps: plan.steps, steps_per_epoch: plan.stepsPerEpoch, batch: plan.batchSize,
        run: options.out, predicted_seconds: forecast.seconds,
        predicted_images_per_second: forecast.imagesPerSecond,
        predicted_waiting_share: forecast.waitingShare, predicted_peak_resident_bytes: peak),
      text: "\(text(of: forecast, peak: peak))\nNothing was written.")
  }

  private struct Plan: Encodable {
    let images, steps, steps_per_epoch, batch: Int
    let run: String
    let predicted_seconds, predicted_images_per_second, predicted_waiting_share: Double
    let predicted_peak_resident_bytes: Int
  }

  private struct Summary: Encodable {
    let steps: Int
    let loss: Double?
    let images_per_second, seconds, waiting_seconds: Double
    let peak_resident_bytes: Int
    let run: String
    let interrupted: Bool
    let skipped: Int
    let verdict: String?
    let looking_seconds: Double
    let knn_top1: Double?

    init(_ outcome: RunOutcome, run: String) {
      (steps, loss, seconds) = (outcome.done, outcome.loss, outcome.seconds)
      (images_per_second, waiting_seconds) = (outcome.imagesPerSecond, outcome.waitingSeconds)
      peak_resident_bytes = peakResidentBytes()
      (self.run, interrupted, skipped) = (run, outcome.isInterrupted, outcome.skipped)
      (verdict, looking_seconds) = (outcome.verdict?.rawValue, outcome.lookingSeconds)
      knn_top1 = outcome.knn?.top1
    }
  }
}
