import ArgumentParser
import EmanateConfiguration
import EmanateNetworks
import EmanateReports
import EmanateTensors
import EmanateTraining
import Foundation

/// What every command that trains takes: the run's folder, its settings, and what becomes of a run that is there.
struct RunOptions: ParsableArguments {
  @Option(
    name: .customLong("out"), help: "The run's folder; one that holds a run needs --resume or --overwrite.",
    completion: .directory)
  var place: String?

  @Option(
    help:
      "Settings over the command's own: a YAML file, or an embedded one by name (`emanate list configs`).",
    completion: CompletionOffers.configurations)
  var config: String?

  @Option(
    name: .customLong("set"),
    help:
      "A setting over --config, `training.batchSize=32` say (`emanate list keys`); may be given several times.",
    completion: CompletionOffers.settings)
  var overrides: [String] = []

  @Option(help: "The numbers that products are computed with. (default: the settings', or float32)")
  var precision: Precision?

  @Option(help: "Keys all randomness (configuration key `seed`). (default: the settings', or 0)")
  var seed: Int?

  @Flag(help: "Continue the run that the folder holds.")
  var resume = false

  @Flag(help: "Replace the run that the folder holds.")
  var overwrite = false

  @Flag(
    name: .customLong("allow-changed-data"),
    help: "With --resume: accept other images than the run began with.")
  var allowChangedData = false

  func validate() throws {
    if resume && overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
  }

  /// The run's folder, once `needOut` was asked.
  var out: String { place ?? "" }

  /// Every command that trains writes somewhere.
  func needOut() throws {
    if out.isEmpty { throw ValidationError("Missing expected argument '--out <out>': the run's folder") }
  }

  /// The configuration's file, as a list.
  var files: [String] { config.map { [$0] } ?? [] }

  /// The settings of the options, those of --set first.
  var settings: [String] { overrides + furtherSettings }

  /// The settings of --seed and --precision.
  var furtherSettings: [String] {
    (seed.map { ["seed=\($0)"] } ?? []) + (precision.map { ["training.precision=\($0.rawValue)"] } ?? [])
  }

  /// Whether the options say anything of the settings.
  var saySettings: Bool { !files.isEmpty || !settings.isEmpty }

  /// The settings of the run that is to be continued; nil where it begins, or where the folder holds none.
  func savedSettings() throws -> ExperimentConfiguration? {
    let run = RunFolder(out)
    return resume && FileManager.default.fileExists(atPath: run.configuration)
      ? try run.savedConfiguration() : nil
  }

  /// The run of these settings over the images of folders.
  func training(_ configuration: ExperimentConfiguration, data: [String]) -> TrainingRun {
    var training = TrainingRun(configuration, data: data, run: out)
    (training.resumes, training.overwrites) = (resume, overwrite)
    training.allowsChangedData = allowChangedData
    return training
  }
}

extension TrainingRun {
  /// Runs it with progress shown, until its end or an interruption.
  func callAsFunction(showing output: OutputOptions, until interruption: Interruption = Interruption()) throws
    -> RunOutcome
  {
    let progress = ProgressLines(output: output)
    defer { progress.finish() }
    var run = self
    run.pictures = RunSheets.draw
    return try run(
      observer: progress, clock: { ProcessInfo.processInfo.systemUptime },
      shouldStop: { interruption.isAsked })
  }
}

extension RunOutcome {
  /// What an interrupted run says last.
  func stopped(_ run: String) -> String {
    "Stopped after step \(done) of \(steps), saved in \(run). Go on with --resume."
  }
}

extension RunOutcome {
  /// A line about the images held out, or nothing where there were none.
  var best: String {
    guard let validation else { return "" }
    let early = done < steps ? ", where it ended early" : ""
    return String(
      format: "best of the images held out: %.2f %% after %ld of %ld steps%@\n", validation.best.top1,
      validation.best.done, done, early)
  }
}

extension NetworkSettings {
  /// An architecture and the side of its views as settings; `path` is where it was found.
  static func yaml(
    _ architecture: any EmanateNetworks.Architecture, side: Int, path: String
  ) throws -> String {
    guard var settings = NetworkSettings(describing: architecture) else {
      throw CommandFailure(
        .data, "\(path): no name stands for its network (\(architecture.summary)), so no run can have it")
    }
    // A position table stays as it is stored; convolutions take any side.
    if !settings.architecture.isTransformer { settings.side = side }
    return settings.yaml + "data.views.globalSide: \(side)\n"
  }
}
