import ArgumentParser
import EmanateConfiguration
import EmanateInterchange
import EmanateTraining
import Foundation

/// `emanate chain`: from unlabelled images to a small classifier in one go.
struct ChainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chain",
    abstract: "Pretrains without labels, fine-tunes a teacher and distils a student, in one go.",
    discussion: """
      Four runs one after the other: OUT/pretrain learns features from --data without labels, OUT/finetune puts a
      classifier behind them and learns from --train, OUT/distill is its student, OUT/baseline the same student without a
      teacher. OUT/report.md and report.json compare them with raw pixels. Everything is checked before the first begins.

      --config names a file with a section for each stage, a configuration's name or settings of its own, and with the
      folders, unless options say them:

        data: [photos]
        train: labelled/train
        test: labelled/test
        pretrain: pretrain/dino-resnet-fashion
        finetune: {training: {epochs: 8}}
        distill:
          config: distill/rkd
          network: {architecture: resnet18, stem: cifar, channels: 8}

      Without a section a stage is as in its own command. --set names the stage first: --set distill.distill.alpha=0.3.
      With --resume finished stages are kept, one that was cut goes on, and OUT/chain.yaml says what --config and the
      folders do not.
      """,
    examples: [
      Example(
        "emanate chain --config chain/fashion --data fashion/train --train fashion/train "
          + "--test fashion/test --out runs/chain"),
      Example(
        "After Ctrl-C",
        "emanate chain --out runs/chain --resume"),
    ])

  @Option(
    name: .long, parsing: .upToNextOption,
    help: "Folders of images to learn features from; labels are not looked at. (default: those of --train)",
    completion: .directory)
  var data: [String] = []

  @Option(
    name: .long, parsing: .upToNextOption, help: "Labelled folders to learn from; a folder is a class.",
    completion: .directory)
  var train: [String] = []

  @Option(help: "The labelled folder to test on at the end.", completion: .directory)
  var test: String?

  @Option(
    name: .customLong("student"),
    help:
      "The student's architecture: `emanate list architectures`. (default: the configuration's, or resnet18)")
  var architecture: NetworkSettings.Architecture?

  @Flag(
    name: .customLong("dry-run"),
    help: "Say what would be done and, by a few steps tried, how long it takes; write nothing.")
  var dryRun = false

  @OptionGroup var options: RunOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try options.needOut() }

  func run() throws {
    threading.apply()
    let chain = try chain()
    for note in chain.notes { StandardError.warn(note) }
    try chain.check()
    if dryRun { return try describe(chain) }
    let interruption = Interruption()
    try chain.clear()
    try FileManager.default.createDirectory(atPath: chain.out, withIntermediateDirectories: true)
    try DurableFile.write(chain.yaml, to: chain.file)
    let stages = Chain.Stage.allCases
    let trained = try chain.train(stages, of: stages.count, showing: output, until: interruption)
    guard trained.count == stages.count, trained.last?.outcome.isInterrupted == false,
      !interruption.isAsked, let report = try ChainReport(of: chain, shouldStop: { interruption.isAsked })
    else {
      output.result(Summary(trained, nil, run: chain.out), text: stopped(trained, stages.count))
      throw ExitCode(CommandFailure.Code.interrupted.rawValue)
    }
    try report.write()
    output.result(
      Summary(trained, report, run: chain.out), text: "\(report.text)\n\(chain.out)/report.md")
  }

  /// Settings and folders: the file's, or those of the chain that goes on, and over them the options.
  private func chain() throws -> Chain {
    let saved = options.out + "/chain.yaml"
    let goesOn = options.resume && options.config == nil && FileManager.default.fileExists(atPath: saved)
    let configuration = try ChainConfiguration(
      file: goesOn ? saved : options.config, overrides: options.overrides)
    let train = train.isEmpty ? configuration.train : train
    let data = data.isEmpty ? configuration.data : data
    guard !train.isEmpty, let test = test ?? configuration.test else {
      throw CommandFailure(
        .usage,
        "\(train.isEmpty ? "--train" : "--test") is missing: a labelled folder to "
          + "\(train.isEmpty ? "learn from" : "test on"), as an option or in the configuration")
    }
    return try Chain(
      configuration, out: options.out,
      folders: Chain.Folders(data: data.isEmpty ? train : data, train: train, test: test),
      student: architecture, further: options.furtherSettings
    ) { options.training($0, data: $1) }
  }

  private func stopped(_ trained: [Chain.Trained], _ count: Int) -> String {
    guard let last = trained.last else { return "Stopped. Go on with --resume." }
    if last.outcome.isInterrupted { return last.outcome.stopped(last.run) }
    return trained.count < count
      ? "Stopped after the stage \(last.stage.rawValue). Go on with --resume."
      : "Stopped before the report; all stages are done. Go on with --resume."
  }

  private func describe(_ chain: Chain) throws {
    StandardError.write("emanate: some steps of each stage are tried, of which nothing is kept\n")
    let outlook = try chain.outlook { ProcessInfo.processInfo.systemUptime }
    let seconds = outlook.reduce(0) { $0 + $1.seconds }
    let table = TextTable(
      header: ["", "images", "batch", "steps", "done", "images/s", "time"],
      rows: outlook.map {
        [
          $0.stage.rawValue, "\($0.images)", "\($0.batch)", "\($0.steps)", "\($0.done)",
          $0.isFinished ? "" : String(format: "%.1f", $0.imagesPerSecond),
          $0.isFinished ? "finished" : ProgressLines.duration($0.seconds),
        ]
      })
    output.result(
      Plan(outlook, run: chain.out),
      text: """
        \(table.text)
        By some steps of each stage tried: \(ProgressLines.duration(seconds)), judging not counted.
        Nothing was written.
        """)
  }

  private struct Plan: Encodable {
    struct Line: Encodable {
      let stage: String
      let images, batch, steps, done: Int
      let finished: Bool
      let predicted_seconds, predicted_images_per_second: Double
    }
    let run: String
    let stages: [Line]
    let predicted_seconds: Double

    init(_ outlook: [Chain.Outlook], run: String) {
      self.run = run
      stages = outlook.map {
        Line(
          stage: $0.stage.rawValue, images: $0.images, batch: $0.batch, steps: $0.steps, done: $0.done,
          finished: $0.isFinished, predicted_seconds: $0.seconds,
          predicted_images_per_second: $0.imagesPerSecond)
      }
      predicted_seconds = outlook.reduce(0) { $0 + $1.seconds }
    }
  }

  private struct Summary: Encodable {
    struct Line: Encodable {
      let stage, run: String
      let steps, done: Int
      let kept: Bool
      let loss: Double?
      let seconds, images_per_second: Double
      let skipped: Int
      let validation_top1: Double?
      let best_step: Int?
    }
    let run: String
    let interrupted: Bool
    let stages: [Line]
    let knn_top1, raw_pixel_knn_top1, random_knn_top1: Double?
    let top1, teacher_top1, baseline_top1, agreement: Double?
    let student_parameters, teacher_parameters: Int?
    let report: ChainReport.Summary?

    init(_ trained: [Chain.Trained], _ report: ChainReport?, run: String) {
      (self.run, interrupted) = (run, report == nil)
      stages = trained.map {
        let outcome = $0.outcome
        return Line(
          stage: $0.stage.rawValue, run: $0.run, steps: outcome.steps, done: outcome.done, kept: $0.isKept,
          loss: outcome.loss, seconds: outcome.seconds, images_per_second: outcome.imagesPerSecond,
          skipped: outcome.skipped, validation_top1: outcome.validation?.best.top1,
          best_step: outcome.validation?.best.done)
      }
      let summary = report?.summary
      (knn_top1, raw_pixel_knn_top1) = (summary?.knn_top1, summary?.raw_pixel_knn_top1)
      (random_knn_top1, top1) = (summary?.random_knn_top1, summary?.top1)
      (teacher_top1, baseline_top1) = (summary?.teacher_top1, summary?.baseline_top1)
      (agreement, student_parameters) = (summary?.agreement, summary?.student_parameters)
      teacher_parameters = summary?.teacher_parameters
      self.report = summary
    }
  }
}
