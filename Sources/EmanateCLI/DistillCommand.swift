import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateMethods
import EmanateNetworks
import EmanateTraining

/// `emanate distill`: a teacher's knowledge into a smaller network.
struct DistillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Trains a student network on what teachers know, with or without labels.",
    discussion: """
      The loss is distill.alpha of the labels' cross-entropy, the rest of soft targets at distill.temperature, and
      distill.terms (emanate list terms). Views are prepared as the first teacher learned; the settings are those of the
      embedded configuration distill/default, then --config, then --set. With --baseline the same student is trained once
      more without a teacher, same seed and budget, into OUT-baseline; OUT/report.md and report.json compare them.

      --seeds N trains each N times, into OUT/student/seed-0 and so on, and says the mean gain with its 95 % interval.
      --sweep trains the student once with each family of distillation (emanate list families), or with those that are
      named, several at once as hinton+rkd, and without a teacher, into OUT/hinton/seed-0 and so on; the two go together.
      With --resume finished trainings are kept and an interrupted one goes on.

      Students also teach themselves or one another, without --teacher: --config distill/born-again,
      distill/be-your-own-teacher, distill/tf-kd, distill/mutual, distill/ema-teacher. --generations N trains the student N
      times more, each by the one before: OUT/generation-0 from labels, or from --teacher, then OUT/generation-1 and so on.
      """,
    examples: [
      Example(
        "emanate distill --teacher runs/tuned --student mobilenet_v2 --train labelled/train "
          + "--test labelled/test --out runs/small --baseline"),
      Example(
        "Every family of distillation",
        "emanate distill --teacher runs/tuned --train labelled/train --test labelled/test --out "
          + "runs/sweep --sweep"),
      Example(
        "Two students that teach each other",
        "emanate distill --config distill/mutual --student resnet18 --side 64 --train "
          + "labelled/train --test labelled/test --out runs/two"),
    ])

  @Option(
    name: .customLong("teacher"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "A teacher, or several: runs, checkpoints, files. None where students teach themselves.",
      valueName: "weights"), completion: CompletionOffers.weights)
  var teachers: [String] = []

  @Option(
    name: .customLong("student"),
    help:
      "The student's architecture: `emanate list architectures`. (default: resnet18, or with distill.sameArchitecture the first teacher's)"
  )
  var architecture: NetworkSettings.Architecture?

  @Option(help: "Pixels of the views' side. (default: the first teacher's, or 224)")
  var side: Int?

  @Option(
    name: .long, parsing: .upToNextOption, help: "Folders to learn from; a folder is a class.",
    completion: .directory)
  var train: [String] = []

  @Option(
    help: "The labelled folder to test on at the end; not for teachers without a classifier.",
    completion: .directory)
  var test: String?

  @Flag(help: "Train the same student without a teacher as well.")
  var baseline = false

  @Option(
    name: .customLong("teacher-cache"),
    help: ArgumentHelp(
      "A folder that keeps what the teachers make of fixed views (configuration keys distill.cache, data.views.fixed).",
      valueName: "dir"), completion: .directory)
  var cache: String?

  @Option(help: "How many seeds to train with: --seed and those after it. (default: 1)")
  var seeds: Int?

  @Option(
    help:
      "Train the student so many times more, each by the one before (key distill.generations). (default: 0)")
  var generations: Int?

  @Flag(help: "Train the student with each family of distillation, and without a teacher.")
  var sweep = false

  @Argument(
    help: ArgumentHelp("With --sweep: these families only (`emanate list families`).", valueName: "family"),
    completion: .list(DistillationFamily.all.map { $0.name }))
  var families: [String] = []

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
    if let seeds, seeds < 1 { throw ValidationError("--seeds: \(seeds); at least 1") }
    if seeds != nil && test == nil { throw ValidationError("--seeds needs --test, to compare the seeds") }
    if let generations, generations < 1 { throw ValidationError("--generations: \(generations); at least 1") }
    if cache != nil && teachers.isEmpty {
      throw ValidationError("--teacher-cache keeps what teachers make of images, and there is no --teacher")
    }
    if sweep && test == nil { throw ValidationError("--sweep needs --test, to compare the families") }
    if !sweep, let family = families.first {
      throw ValidationError("Unexpected argument '\(family)': families of distillation belong to --sweep")
    }
  }

  func run() throws {
    threading.apply()
    if listsLayers { return try listLayers() }
    let tested = try test.map { try listing($0) }
    if let tested { try check(tested) }
    let settings = try configuration()
    try check(settings)
    let hasGenerations = settings.distill.generations != .off
    if let tested, sweep || seeds != nil || hasGenerations { return try runGrid(tested, settings) }
    if hasGenerations {
      throw CommandFailure(
        .usage, "distill.generations: generations are compared at the end, so --test is needed")
    }
    let interruption = Interruption()
    let taught = try trained(settings, options.out, interruption)
    guard let tested, !taught.outcome.isInterrupted else { return try finish(taught) }
    let student = try ClassifierJudgement(run: options.out, test: tested)
    var alone: ClassifierJudgement?
    if baseline {
      let plan = DistillationGrid.Plan.withoutTeacher(DistillationReport.baseline, settings)
      let untaught = try trained(plan.configuration, besides, interruption)
      if untaught.outcome.isInterrupted { return try finish(untaught) }
      alone = try ClassifierJudgement(run: besides, test: tested)
    }
    let teacher = try judgedTeacher(tested)
    var report = report(teacher, tested, seeds: [settings.seed], settings)
    let rows = (alone.map { [(DistillationReport.baseline, $0)] } ?? []) + [("student", student)]
    report.rows = try rows.map { name, judgement in
      var row = DistillationReport.Row(name)
      row.runs = [
        try DistillationReport.Figures(
          judgement, teacher: teacher, seed: settings.seed,
          run: RunFolder(name == DistillationReport.baseline ? besides : options.out), test: tested)
      ]
      return row
    }
    try report.write()
    output.result(
      Summary(taught.outcome, report.summary(), run: options.out), text: taught.outcome.best + report.text)
  }

  /// Families and seeds, each into a folder of its own.
  private func runGrid(_ tested: ImageFolder, _ settings: ExperimentConfiguration) throws {
    let plans = try plans(settings)
    let seeds = Array(settings.seed..<settings.seed + (seeds ?? 1))
    let grid = DistillationGrid(
      out: options.out, plans: plans, seeds: seeds, isSingle: !sweep && self.seeds == nil
    ) { options.training($0, data: train) }
    try grid.check()
    let teacher = try judgedTeacher(tested)
    var report = report(teacher, tested, seeds: seeds, settings)
    report.rows = plans.map { DistillationReport.Row($0.name) }
    if !sweep { report.student = plans.last?.name }
    // Without a teacher generation 0 is the baseline.
    if plans[0].name == Self.ancestor { report.base = Self.ancestor }
    let isInterrupted = try grid(&report, showing: output) { cell in
      try DistillationReport.Figures(
        ClassifierJudgement(run: cell.run.run.path, test: tested), teacher: teacher, seed: cell.seed,
        run: cell.run.run, test: tested)
    }
    output.result(
      report.summary(interrupted: isInterrupted),
      text: report.text + "\n"
        + (isInterrupted ? "Stopped. Go on with --resume." : "\(options.out)/report.md"))
    if isInterrupted { throw ExitCode(CommandFailure.Code.interrupted.rawValue) }
    let failures = report.rows.flatMap(\.failures).count
    if failures > 0 {
      throw CommandFailure(
        .run, "\(failures) of \(grid.cells.count) trainings failed; the others are compared")
    }
  }

  private func judgedTeacher(_ tested: ImageFolder) throws -> ClassifierJudgement? {
    guard let teacher = teachers.first else { return nil }
    return try ClassifierJudgement(
      NetworkReader(hints).readClassifier(teacher, unnamed: ImageFolder(train).classes), test: tested,
      of: teacher)
  }

  private func report(
    _ teacher: ClassifierJudgement?, _ tested: ImageFolder, seeds: [Int], _ settings: ExperimentConfiguration
  ) -> DistillationReport {
    DistillationReport(
      title:
        "\(settings.network.architecture.rawValue) taught by "
        + (teachers.isEmpty ? "itself" : teachers.joined(separator: ", ")) + ", images of "
        + train.joined(separator: ", "),
      place: options.out, teacher: teacher.map { DistillationReport.Figures($0, teacher: $0) },
      testImages: tested.count, seeds: seeds, rows: [])
  }

  /// What would be found out at the end, before anything is trained.
  private func check(_ tested: ImageFolder) throws {
    try ClassesError.check(tested, against: ImageFolder(train).classes)
    if let teacher = teachers.first, try NetworkReader(hints).classifier(at: teacher) == nil {
      throw CommandFailure(
        .usage, "--test: the teacher \(teacher) has no classifier, so its student will have none to test")
    }
    if baseline && !sweep && seeds == nil && RunFolder(besides).holdsRun && !options.resume
      && !options.overwrite
    {
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
    if var saved = try options.savedSettings(), !options.saySettings {
      // Another student than the run's is refused by the run, with both names.
      if let architecture { saved.network.architecture = architecture }
      return saved
    }
    return try settings()
  }

  /// --student counts more than a configuration's network.architecture.
  private func settings() throws -> ExperimentConfiguration {
    try StudentChoice.check(architecture, options.overrides)
    return try ExperimentConfiguration.load(
      chosen: [(try given(), "--student")], files: ["distill/default"] + options.files,
      overrides: options.settings + StudentChoice.settings(architecture)
        + (generations.map { ["distill.generations=\($0)"] } ?? []))
  }

  /// Teachers, student and side as YAML.
  private func given() throws -> String {
    if teachers.isEmpty {
      let student = try named(side: side)
      return try NetworkSettings.yaml(student, side: student.side, path: "--student")
        + "validation.share: 0.1\n"
    }
    let teacher = try NetworkReader(hints).read(teachers[0])
    for note in teacher.notes { StandardError.write("emanate: note: \(note)\n") }
    return try NetworkSettings.yaml(
      try student(of: teacher, side: side ?? teacher.side), side: side ?? teacher.side, path: "--student")
      + "data.preparation: teacher\n"
      // Without a classifier nothing can be told right or wrong.
      + (try NetworkReader(hints).classifier(at: teachers[0]) == nil ? "" : "validation.share: 0.1\n")
      + "distill.teachers: \(SettingText.list(teachers).description)\n"
      + (cache.map { "distill.cache: \(SettingText.scalar($0).description)\ndata.views.fixed: 1\n" } ?? "")
  }

  private func student(of teacher: FrozenNetwork, side: Int) throws -> any EmanateNetworks.Architecture {
    if architecture == nil {
      let twin = try NetworkSettings.yaml(teacher.architecture, side: side, path: teachers[0])
      let settings = try? ExperimentConfiguration.load(
        chosen: [(twin, teachers[0])], files: ["distill/default"] + options.files,
        overrides: options.settings)
      if settings?.distill.sameArchitecture == true { return teacher.architecture }
    }
    return try named(side: side)
  }

  /// The architecture that was asked for, a ResNet-18 if none was.
  private func named(side: Int?) throws -> any EmanateNetworks.Architecture {
    var hints = NetworkHints()
    (hints.architecture, hints.side) = (architecture ?? .init(rawValue: "resnet18"), side)
    return try NetworkReader(hints).architecture()
  }

  private func listLayers() throws {
    let teacher = try teachers.first.map { try NetworkReader(hints).read($0) }
    let settings = try self.settings()
    let side = side ?? teacher?.side ?? settings.network.side
    let ours = LayerListing(settings.network.chosen, side: side)
    let theirs = teacher.map { LayerListing($0.architecture, side: side) }
    output.result(
      Layers(side: side, student: ours, teacher: theirs),
      text: "student, images of \(side) pixels:\n\(Self.text(ours))"
        + (theirs.map { "\nteacher \(teachers[0]):\n\(Self.text($0))" } ?? ""))
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
    let student: [Layer]
    let teacher: [Layer]?
    let student_features: Int
    let teacher_features: Int?

    init(side: Int, student: LayerListing, teacher: LayerListing?) {
      self.side = side
      self.student = student.layers.map { Layer(path: $0.path, shape: $0.shape) }
      self.teacher = teacher?.layers.map { Layer(path: $0.path, shape: $0.shape) }
      (student_features, teacher_features) = (student.width, teacher?.width)
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
    let comparison: DistillationReport.Summary?

    init(_ outcome: RunOutcome, _ comparison: DistillationReport.Summary?, run: String) {
      self.run = run
      (steps, loss, seconds) = (outcome.done, outcome.loss, outcome.seconds)
      (images_per_second, interrupted) = (outcome.imagesPerSecond, outcome.isInterrupted)
      (top1, teacher_top1) = (comparison?.top1, comparison?.teacher_top1)
      (baseline_top1, agreement) = (comparison?.baseline_top1, comparison?.agreement)
      student_parameters = comparison?.student_parameters
      teacher_parameters = comparison?.teacher_parameters
      self.comparison = comparison
    }
  }
}
