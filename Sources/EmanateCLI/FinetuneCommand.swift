import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateNetworks
import EmanateTraining
import Foundation

/// `emanate finetune`: a classifier, from learned features or from scratch.
struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Trains a classifier on labelled folders, from weights or from scratch.",
    discussion: """
      Network, side, mean and deviation are those of the weights; the settings are those of the embedded configuration
      finetune/default, then --config, then --set. A tenth of the training images is held out (validation.share) and tells
      which checkpoint is best; that one is tested at the end, and evaluation.json in the run's folder says how.
      """,
    examples: [
      "emanate finetune --weights runs/photos --train labelled/train --test labelled/test --out runs/tuned",
      Example(
        "The classifier alone",
        "emanate finetune --weights runs/photos --train labelled/train --test labelled/test "
          + "--out runs/head --set supervised.trains=head"),
      Example(
        "From scratch",
        "emanate finetune --arch resnet18 --side 64 --train labelled/train --test labelled/test "
          + "--out runs/scratch"),
    ])

  @Option(
    help: ArgumentHelp(
      "What the backbone begins with: a run, a checkpoint, a safetensors or PyTorch file.",
      valueName: "weights"), completion: CompletionOffers.weights)
  var weights: String?

  @Option(help: "Which network of a run or checkpoint; where there is no teacher, its student.")
  var network = NetworkHints.Role.teacher

  @OptionGroup var architecture: ArchitectureOptions

  @Option(
    name: .long, parsing: .upToNextOption, help: "Labelled folders to learn from; a folder is a class.",
    completion: .directory)
  var train: [String]

  @Option(help: "The labelled folder to test on at the end.", completion: .directory)
  var test: String

  @OptionGroup var options: RunOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try options.needOut() }

  func run() throws {
    threading.apply()
    try checkClasses()
    let training = options.training(try settings(), data: train)
    let outcome = try training(showing: output)
    if outcome.isInterrupted {
      output.result(
        Summary(outcome, nil, run: options.out),
        text: outcome.stopped(options.out))
      throw ExitCode(CommandFailure.Code.interrupted.rawValue)
    }
    let judgement = try ClassifierJudgement(run: options.out, test: listing(test))
    output.result(
      Summary(outcome, judgement, run: options.out), text: outcome.best + judgement.text)
  }

  /// Before anything is trained: a test folder of other classes would be found out at the end.
  private func checkClasses() throws {
    let (known, tested) = (try ImageFolder(train).classes, try listing(test))
    try ClassesError.check(tested, against: known)
    _ = try tested.labels(among: known)
  }

  private func settings() throws -> ExperimentConfiguration {
    if let saved = try options.savedSettings(), !options.saySettings { return saved }
    return try ExperimentConfiguration.load(
      chosen: [(try given(), weights.map { "--weights \($0)" } ?? "--arch")],
      files: ["finetune/default"] + options.files, overrides: options.settings)
  }

  /// Network, side and preparation as YAML.
  private func given() throws -> String {
    var hints = architecture.hints
    hints.role = network
    guard let weights else {
      let chosen = try NetworkReader(hints).architecture()
      return try NetworkSettings.yaml(chosen, side: chosen.side, path: "--arch")
    }
    let read = try NetworkReader(hints).read(weights)
    return try NetworkSettings.yaml(read.architecture, side: read.side, path: weights)
      + "data.preparation: weights\n"
      + "start: {weights: \(SettingText.scalar(weights).description), network: \(network.rawValue)}\n"
  }

  private struct Summary: Encodable {
    let run: String
    let steps: Int
    let loss: Double?
    let seconds, images_per_second: Double
    let interrupted: Bool
    let skipped: Int
    let validation_top1: Double?
    let best_step: Int?
    let top1, top5, ece, test_loss: Double?

    init(_ outcome: RunOutcome, _ judgement: ClassifierJudgement?, run: String) {
      self.run = run
      (steps, loss, seconds) = (outcome.done, outcome.loss, outcome.seconds)
      (images_per_second, interrupted) = (outcome.imagesPerSecond, outcome.isInterrupted)
      skipped = outcome.skipped
      (validation_top1, best_step) = (outcome.validation?.best.top1, outcome.validation?.best.done)
      let report = judgement?.report
      (top1, top5) = (report?.accuracy.top1, report?.accuracy.top5)
      (ece, test_loss) = (report?.calibrationError, report?.loss)
    }
  }
}
