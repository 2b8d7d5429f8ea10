import ArgumentParser
import EmanateConfiguration
import EmanateImages
import EmanateInterchange
import EmanateReports
import EmanateTraining
import Foundation

/// Shows the schedules of runs, configurations and published presets, before or after they run.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Shows and compares the schedules of runs, configurations and presets.",
    discussion: """
      Learning rate, weight decay, teacher momentum and teacher temperature, and of the teacher how long it
      remembers and how old it is. `emanate list presets` names the published ones.

      --what-if batch=64, epochs=50, steps=1000, images=5000 or any setting shows the teacher before and after such a
      change, with the momentum that keeps its half-life.
      """,
    examples: [
      "emanate schedule runs/photos",
      "emanate schedule dino byol mine.yaml --plot schedules.png",
      "emanate schedule dino --what-if batch=64 --what-if epochs=300",
    ])

  @Argument(
    help:
      "Runs' folders, configuration files, names of the program's own or of presets; without any, the defaults.",
    completion: CompletionOffers.schedules)
  var sources: [String] = []

  @Option(
    help: "Draw the schedules of all sources into this .svg or .png file.",
    completion: .file(extensions: ["svg", "png"]))
  var plot: String?

  @Option(
    help:
      "What the plot's horizontal axis counts: epochs, images, or share (percent of each run). (default: epochs; share where lengths differ by more than four times)"
  )
  var axis: ScheduleReport.PlotAxis?

  @Option(
    help: "Write the value of every step into this CSV file (100,000 rows a run at most).",
    completion: .file(extensions: ["csv"]))
  var csv: String?

  @Option(
    help:
      "Images in the data. (default: what the run's checkpoint or the preset says, or else ImageNet's 1,281,167)"
  )
  var images: Int?

  @Option(
    name: .customLong("set"),
    help: "A setting for all sources, `training.epochs=50` say; may be given several times.",
    completion: CompletionOffers.settings)
  var overrides: [String] = []

  @Option(
    name: .customLong("what-if"),
    help:
      "Show the teacher before and after a change, `batch=64` say; may be given several times, one change each.",
    completion: CompletionOffers.changes)
  var whatIfs: [String] = []

  @OptionGroup var output: OutputOptions

  private static let imageNetImages = 1_281_167

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images: \(images) is not a number of images") }
    try PlotFile.check(plot)
    for change in whatIfs where !change.contains("=") {
      throw ValidationError("--what-if: `\(change)` is not of the form key=value, batch=64 say")
    }
  }

  func run() throws {
    let sources = try (sources.isEmpty ? ["defaults"] : sources).map(source)
    let report = ScheduleReport(
      sources.map {
        .init(name: $0.name, plan: $0.plan, method: $0.configuration.method, currentStep: $0.step)
      })
    let changes = try sources.flatMap { source in try whatIfs.map { try whatIf($0, of: source) } }
    if let csv { try DurableFile.write(report.csv(), to: csv) }
    if let plot { try PlotFile.write(report.sheet(axis), to: plot) }
    output.result(
      Summary(schedules: report.summaries, what_ifs: changes),
      text: ([report.table] + changes.map { $0.text + "\n" }).joined(separator: "\n"))
  }

  /// A run or a configuration that was asked for.
  private struct Source {
    let name: String
    let configuration: ExperimentConfiguration
    let plan: TrainingPlan
    let images: Int
    /// The last step of its newest checkpoint.
    let step: Int?
  }

  private func source(_ name: String) throws -> Source {
    let run = RunFolder(name)
    let isRun = FileManager.default.fileExists(atPath: run.configuration)
    let configuration = try ExperimentConfiguration.load(
      files: [isRun ? run.configuration : name], overrides: overrides)
    let checkpoint = isRun ? try run.newestCheckpoint.map { try Checkpoint.state(at: $0) } : nil
    let known = images ?? checkpoint?.images ?? (isRun ? nil : Resource.publishedImages(of: name))
    if known == nil {
      output.say(
        "\(name.printable): the number of images is not known; taken as ImageNet's 1,281,167 (--images N sets it)\n"
      )
    }
    let plan = try TrainingPlan(configuration, images: known ?? Self.imageNetImages)
    let done = checkpoint.map { min($0.step, plan.steps) } ?? 0
    return Source(
      name: name, configuration: configuration, plan: plan, images: known ?? Self.imageNetImages,
      step: done > 0 ? done - 1 : nil)
  }

  private func whatIf(_ change: String, of source: Source) throws -> WhatIf {
    var (configuration, images) = (source.configuration, source.images)
    if change.hasPrefix("images=") {
      guard let count = Int(change.dropFirst("images=".count)), count > 0 else {
        throw CommandFailure(.usage, "--what-if: `\(change)` is not a number of images")
      }
      images = count
    } else {
      try configuration.set(WhatIf.setting(change))
      try configuration.check()
    }
    return WhatIf(
      run: source.name, change: change, before: source.plan,
      after: try TrainingPlan(configuration, images: images),
      setsHalfLife: configuration.ema.halfLifeImages != .off)
  }

  private struct Summary: Encodable {
    let schedules: [ScheduleReport.Summary]
    let what_ifs: [WhatIf]
  }
}

extension ScheduleReport.PlotAxis: ExpressibleByArgument {}
