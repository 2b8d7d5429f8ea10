import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateTraining
import Foundation

/// `emanate quickstart`: the whole chain on images that the program carries, in a few minutes.
struct QuickstartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quickstart",
    abstract:
      "Pretrains on embedded images, fine-tunes, distils a small network, and judges what was learned.",
    discussion: """
      Writes 5,000 Fashion-MNIST images as PNG files, pretrains a small residual network on 4,000 of them without \
      their labels, and compares its features with raw pixels and with random weights by the vote of the nearest \
      neighbours and by a linear probe. Then it fine-tunes that network with the labels, and teaches what it knows to one \
      of less than a quarter of its size, beside the same small network without a teacher.

      --set changes the pretraining, or a later stage by its name: --set finetune.training.steps=100.
      """,
    examples: [
      "emanate quickstart --out runs/quickstart",
      Example(
        "A shorter look at every stage",
        "emanate quickstart --out runs/glance --set training.steps=100 --set "
          + "finetune.training.steps=50 --set distill.training.steps=50"),
    ])

  @Option(
    help: "Where images and runs go: OUT/images, OUT/run, OUT/finetune, OUT/distill and OUT/baseline.",
    completion: .directory)
  var out = "runs/quickstart"
  @Option(
    name: .customLong("set"),
    help:
      "A setting of the pretraining, `training.steps=100` say, or of a later stage; may be given several times.",
    completion: CompletionOffers.settings)
  var overrides: [String] = []
  @Flag(help: "Go on where an earlier quickstart was stopped.") var resume = false
  @Flag(help: "Replace what an earlier quickstart left in the folder.") var overwrite = false
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if resume && overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
  }

  func run() throws {
    threading.apply()
    let start = ProcessInfo.processInfo.systemUptime
    let chain = try chain()
    let folders = try writtenImages()
    try chain.check()
    try chain.clear()
    let interruption = Interruption()
    output.say("1/6  \(folders.train.count) + \(folders.test.count) images in \(out)/images")
    let trained = try chain.train([.pretrain], number: 2, of: 6, showing: output, until: interruption)
    try stopIfAsked(trained, interruption)

    output.say("     judging the features: nearest neighbours and a linear probe")
    let rows = try judge(folders)
    let later = try chain.train(
      [.finetune, .distill, .baseline], number: 3, of: 6, showing: output, until: interruption)
    try stopIfAsked(later, interruption)

    output.say("6/6  judging teacher and students")
    let comparison = try ChainReport.comparison(of: chain, test: folders.test)
    try comparison.write()
    let report = Report(
      rows, trained[0].outcome, comparison, seconds: ProcessInfo.processInfo.systemUptime - start,
      run: "\(out)/run")
    output.result(report, text: table(rows, comparison, report))
  }

  /// The embedded chain over the images; what of `--set` names no stage is the pretraining's.
  private func chain() throws -> Chain {
    let stages = ChainConfiguration.Stage.allCases.map(\.rawValue)
    let named = overrides.map { setting in
      stages.contains { setting.hasPrefix($0 + ".") } ? setting : "pretrain." + setting
    }
    let train = ["\(out)/images/train"]
    return try Chain(
      ChainConfiguration(file: "chain/quickstart", overrides: named), out: out,
      folders: Chain.Folders(data: train, train: train, test: "\(out)/images/test"),
      names: [.pretrain: "run"]
    ) { configuration, data in
      var training = TrainingRun(configuration, data: data, run: out)
      (training.resumes, training.overwrites) = (resume, overwrite)
      return training
    }
  }

  private func stopIfAsked(_ trained: [Chain.Trained], _ interruption: Interruption) throws {
    guard let last = trained.last, last.outcome.isInterrupted || interruption.isAsked else { return }
    output.say(
      last.outcome.isInterrupted
        ? last.outcome.stopped(last.run) : "Stopped after \(last.stage.rawValue). Go on with --resume.")
    throw ExitCode(CommandFailure.Code.interrupted.rawValue)
  }

  private struct Row {
    let name: String
    let dimension: Int
    let knn, probe: Double
  }

  private func writtenImages() throws -> LabelledFolders {
    let (images, files) = ("\(out)/images", FileManager.default)
    if RunFolder("\(out)/run").holdsRun && !overwrite && !resume {
      throw TrainingError.runExists(path: "\(out)/run")
    }
    if !files.fileExists(atPath: images) {
      let source = files.temporaryDirectory.appendingPathComponent("emanate-\(UUID().uuidString)").path
      try files.createDirectory(atPath: source, withIntermediateDirectories: true)
      defer { try? files.removeItem(atPath: source) }
      try files.createDirectory(atPath: out, withIntermediateDirectories: true)
      try Resource.writeFashionMNISTSample(into: source)
      try FashionMNIST(source: source).write(to: images)
    }
    return LabelledFolders(train: try ImageFolder("\(images)/train"), test: try ImageFolder("\(images)/test"))
  }

  /// Learned features, raw pixels, random weights: k-NN and a linear probe of each, in this order.
  private func judge(_ folders: LabelledFolders) throws -> [Row] {
    let learned = try NetworkReader().read("\(out)/run")
    let sources: [(String, FeatureSource)] = [
      ("learned", .network(learned)), ("raw pixels", .pixels(as: learned)),
      ("random weights", .network(learned.randomized(seed: 0))),
    ]
    return try sources.map { name, source in
      let features = try LabelledFeatures(folders, by: source, name: name)
      let knn = KNearestNeighbors(
        features: features.train.rows, labels: features.trainLabels, classes: features.classes.count)
      var options = LinearProbe.Options()
      options.epochs = 30
      let probe = try LinearProbe(
        features: features.train.rows, labels: features.trainLabels, classes: features.classes.count,
        options: options
      ) { _ in }
      return Row(
        name: name, dimension: features.train.dimension,
        knn: knn.accuracy(features: features.test.rows, labels: features.testLabels).top1,
        probe: probe.accuracy(features: features.test.rows, labels: features.testLabels).top1)
    }
  }

  private func table(_ rows: [Row], _ comparison: DistillationReport, _ report: Report) -> String {
    var networks: [(name: String, figures: DistillationReport.Figures)] = []
    if let teacher = comparison.teacher { networks.append(("teacher", teacher)) }
    for row in comparison.rows {
      guard let figures = row.runs.first else { continue }
      networks.append((row.name == "student" ? "its student" : "student alone", figures))
    }
    let features = rows.map { row in
      row.name.padding(toLength: 16, withPad: " ", startingAt: 0)
        + String(format: "  %7d  %9.1f %%  %11.1f %%", row.dimension, row.knn, row.probe)
    }
    let classifiers = networks.map { network in
      network.name.padding(toLength: 16, withPad: " ", startingAt: 0)
        + String(format: "  %7d  %11.1f", network.figures.parameters, network.figures.top1)
    }
    return
      ([
        "",
        "                  numbers   20 nearest   linear probe   (right of 100 test images; chance is 10)",
      ] + features + ["", "with labels       weights   right of 100"] + classifiers + [
        String(
          format: "One run each, %ld test images: chance moves a figure by %.1f points (one standard error).",
          comparison.testImages, report.standard_error), "",
        String(
          format: "%.1f minutes in all; pretraining saw %.0f images/s. Look further:", report.seconds / 60,
          report.images_per_second), "  emanate schedule \(report.run)",
        "  emanate knn --weights \(report.run) --train \(out)/images/train --test \(out)/images/test --baselines",
        "  emanate evaluate --weights \(out)/distill --test \(out)/images/test",
        "  emanate pretrain --data YOUR_FOLDER --out runs/mine",
        "  emanate chain --config chain/fashion --train LABELLED --test LABELLED --out runs/chain",
      ]).joined(separator: "\n")
  }

  private struct Report: Encodable {
    let knn_top1, raw_pixel_knn_top1, random_knn_top1: Double
    let probe_top1, raw_pixel_probe_top1, random_probe_top1: Double
    let loss: Double?
    let steps: Int
    let images_per_second, seconds: Double
    let run: String
    let top1, teacher_top1, baseline_top1, agreement: Double?
    let student_parameters, teacher_parameters: Int?
    let standard_error: Double

    init(
      _ rows: [Row], _ outcome: RunOutcome, _ comparison: DistillationReport, seconds: Double, run: String
    ) {
      (knn_top1, raw_pixel_knn_top1, random_knn_top1) = (rows[0].knn, rows[1].knn, rows[2].knn)
      (probe_top1, raw_pixel_probe_top1, random_probe_top1) = (rows[0].probe, rows[1].probe, rows[2].probe)
      (loss, steps, images_per_second) = (outcome.loss, outcome.done, outcome.imagesPerSecond)
      (self.seconds, self.run) = (seconds, run)
      let found = comparison.summary()
      (top1, teacher_top1, baseline_top1) = (found.top1, found.teacher_top1, found.baseline_top1)
      (agreement, student_parameters) = (found.agreement, found.student_parameters)
      teacher_parameters = found.teacher_parameters
      standard_error = ChainReport.standardError(comparison)
    }
  }
}
