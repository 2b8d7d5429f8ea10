import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateMethods
import EmanateNetworks
import EmanateTraining
import Foundation

/// `emanate distill`: a teacher's knowledge into a smaller network.
struct DistillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Trains a student network on what teachers know, with or without labels.",
    discussion: """
      The loss is distill.alpha of the labels' cross-entropy, the rest of soft targets at distill.temperature, and
      distill.terms (emanate list terms). Views are prepared as the first teacher learned; the settings are those of the
      embedded configuration distill/default, then --config, then --set. With --baseline the same student is trained once
      more without a teacher, same seed and budget, into OUT-baseline.

      Example: emanate distill --teacher runs/tuned --student mobilenet_v2 --side 64 --train photos/train --test photos/test
      --out runs/small
      """)

  @Option(
    name: .customLong("teacher"), parsing: .upToNextOption,
    help: ArgumentHelp("A teacher, or several: runs, checkpoints, files.", valueName: "weights"))
  var teachers: [String]

  @Option(
    name: .customLong("student"),
    help:
      "The student's architecture: `emanate list architectures`. (default: resnet18, or with distill.sameArchitecture the first teacher's)"
  )
  var architecture: NetworkSettings.Architecture?

  @Option(help: "Pixels of the views' side. (default: the first teacher's)")
  var side: Int?

  @Option(name: .long, parsing: .upToNextOption, help: "Folders to learn from; a folder is a class.")
  var train: [String] = []

  @Option(help: "The labelled folder to test on at the end; not for teachers without a classifier.")
  var test: String?

  @Flag(help: "Train the same student without a teacher as well.")
  var baseline = false

  @Flag(
    name: .customLong("list-layers"),
    help:
      "List the layers of teacher and student that terms can compare, with their shapes, and do nothing else."
  )
  var listsLayers = false

  @OptionGroup var options: RunOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if listsLayers { return }
    if train.isEmpty { throw ValidationError("--train is missing: a folder of images to learn from") }
    try options.needOut()
    if baseline && test == nil { throw ValidationError("--baseline needs --test, to compare the two") }
  }

  func run() throws {
    threading.apply()
    if listsLayers { return try listLayers() }
    let tested = try test.map { try listing($0) }
    if let tested { try check(tested) }
    let interruption = Interruption()
    let taught = try trained(try configuration(), options.out, interruption)
    guard let tested, !taught.outcome.isInterrupted else { return try finish(taught) }
    let student = try ClassifierJudgement(run: options.out, test: tested)
    let teacher = try ClassifierJudgement(
      NetworkReader(hints).readClassifier(teachers[0], unnamed: student.classes), test: tested,
      of: teachers[0])
    var alone: ClassifierJudgement?
    if baseline {
      let untaught = try trained(try baselineConfiguration(), besides, interruption)
      if untaught.outcome.isInterrupted { return try finish(untaught) }
      alone = try ClassifierJudgement(run: besides, test: tested)
    }
    let comparison = DistillationComparison(teacher: teacher, student: student, baseline: alone)
    output.result(
      Summary(taught.outcome, comparison, run: options.out), text: taught.outcome.best + comparison.text)
  }

  /// What would be found out at the end, before anything is trained.
  private func check(_ tested: ImageFolder) throws {
    try ClassesError.check(tested, against: ImageFolder(train).classes)
    if try NetworkReader(hints).classifier(at: teachers[0]) == nil {
      throw CommandFailure(
        .usage, "--test: the teacher \(teachers[0]) has no classifier, so its student will have none to test")
    }
    if baseline && RunFolder(besides).holdsRun && !options.resume && !options.overwrite {
      throw TrainingError.runExists(path: besides)
    }
  }

  /// The folder of the baseline's run.
  private var besides: String { options.out + "-baseline" }

  private typealias Trained = (outcome: RunOutcome, run: String)

  /// Makes or continues a run; one that is done already is left as it is.
  private func trained(
    _ configuration: ExperimentConfiguration, _ run: String, _ interruption: Interruption
  ) throws -> Trained {
    var training = options.training(configuration, data: train)
    training.run = RunFolder(run)
    return (try training(showing: output, until: interruption), run)
  }

  /// An interrupted run, or one that nothing is to be compared with.
  private func finish(_ trained: Trained) throws {
    let outcome = trained.outcome
    output.result(
      Summary(outcome, nil, run: trained.run),
      text: outcome.isInterrupted
        ? outcome.stopped(trained.run)
        : outcome.best + "\(outcome.done) steps. Run: \(trained.run)")
    if outcome.isInterrupted { throw ExitCode(CommandFailure.Code.interrupted.rawValue) }
  }

  private var hints: NetworkHints {
    var hints = NetworkHints()
    hints.role = .teacher
    return hints
  }

  private func configuration() throws -> ExperimentConfiguration {
    if let saved = try options.savedSettings(), !options.saySettings { return saved }
    return try ExperimentConfiguration.load(
      chosen: [(try given(), "--student")], files: ["distill/default"] + options.files,
      overrides: options.settings)
  }

  /// The same student, images, seed and length, from labels alone.
  private func baselineConfiguration() throws -> ExperimentConfiguration {
    var configuration = try configuration()
    configuration.method = SupervisedLearning.name
    return configuration
  }

  /// Teachers, student and side as YAML.
  private func given() throws -> String {
    let teacher = try NetworkReader(hints).read(teachers[0])
    for note in teacher.notes { StandardError.write("emanate: note: \(note)\n") }
    return try NetworkSettings.yaml(
      try student(of: teacher, side: side ?? teacher.side), side: side ?? teacher.side, path: "--student")
      + "data.preparation: teacher\n"
      // Without a classifier nothing can be told right or wrong.
      + (try NetworkReader(hints).classifier(at: teachers[0]) == nil ? "" : "validation.share: 0.1\n")
      + "distill.teachers: \(SettingText.list(teachers).description)\n"
  }

  private func student(of teacher: FrozenNetwork, side: Int) throws -> any EmanateNetworks.Architecture {
    if architecture == nil {
      let twin = try NetworkSettings.yaml(teacher.architecture, side: side, path: teachers[0])
      let settings = try? ExperimentConfiguration.load(
        chosen: [(twin, teachers[0])], files: ["distill/default"] + options.files,
        overrides: options.settings)
      if settings?.distill.sameArchitecture == true { return teacher.architecture }
    }
    var hints = NetworkHints()
    (hints.architecture, hints.side) = (architecture ?? .init(rawValue: "resnet18"), side)
    return try NetworkReader(hints).architecture()
  }

  private func listLayers() throws {
    let teacher = try NetworkReader(hints).read(teachers[0])
    let side = side ?? teacher.side
    let settings = try ExperimentConfiguration.load(
      chosen: [(try given(), "--student")], files: ["distill/default"] + options.files,
      overrides: options.settings)
    let (ours, theirs) = (
      LayerListing(settings.network.chosen, side: side), LayerListing(teacher.architecture, side: side)
    )
    output.result(
      Layers(side: side, student: ours, teacher: theirs),
      text:
        "student, images of \(side) pixels:\n\(Self.text(ours))\nteacher \(teachers[0]):\n\(Self.text(theirs))"
    )
  }

  private static func text(_ listing: LayerListing) -> String {
    let width = listing.layers.map(\.path.count).max() ?? 0
    return
      (listing.layers.map {
        "  \($0.path)\(String(repeating: " ", count: width - $0.path.count))  "
          + $0.shape.map(String.init).joined(separator: " x ")
      } + ["  features: \(listing.width)"]).joined(separator: "\n")
  }

  private struct Layers: Encodable {
    struct Layer: Encodable {
      let path: String
      let shape: [Int]
    }
    let side: Int
    let student, teacher: [Layer]
    let student_features, teacher_features: Int

    init(side: Int, student: LayerListing, teacher: LayerListing) {
      self.side = side
      self.student = student.layers.map { Layer(path: $0.path, shape: $0.shape) }
      self.teacher = teacher.layers.map { Layer(path: $0.path, shape: $0.shape) }
      (student_features, teacher_features) = (student.width, teacher.width)
    }
  }

  private struct Summary: Encodable {
    let run: String
    let steps: Int
    let loss: Double?
    let seconds, images_per_second: Double
    let interrupted: Bool
    let top1, teacher_top1, baseline_top1, agreement: Double?
    let student_parameters, teacher_parameters: Int?

    init(_ outcome: RunOutcome, _ comparison: DistillationComparison?, run: String) {
      self.run = run
      (steps, loss, seconds) = (outcome.done, outcome.loss, outcome.seconds)
      (images_per_second, interrupted) = (outcome.imagesPerSecond, outcome.isInterrupted)
      top1 = comparison?.student.report.accuracy.top1
      teacher_top1 = comparison?.teacher.report.accuracy.top1
      baseline_top1 = comparison?.baseline?.report.accuracy.top1
      agreement = comparison?.agreement(comparison?.student)
      student_parameters = comparison?.student.parameters
      teacher_parameters = comparison?.teacher.parameters
    }
  }
}
