import ArgumentParser
import EmanateConfiguration
import EmanateInterchange
import EmanateReports
import EmanateTraining
import Foundation

/// Shows the schedules of runs and configurations, before or after they run.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Shows and compares the schedules of runs and configurations.",
    discussion: """
      Learning rate, weight decay, teacher momentum and teacher temperature, and for the teacher how long it
      remembers.

      Example: emanate schedule pretrain/dino-fashion runs/first --images 60000 --plot schedules.svg
      """)

  @Argument(
    help: "Runs' folders, configuration files, or names of the program's own; without any, the defaults.")
  var sources: [String] = []

  @Option(help: "Draw the schedules into this SVG file.")
  var plot: String?

  @Option(help: "Write the value of every step into this CSV file (100,000 rows a run at most).")
  var csv: String?

  @Option(help: "Images in the data. (default: what the run's checkpoint says, or else ImageNet's 1,281,167)")
  var images: Int?

  @Option(
    name: .customLong("set"), help: "Change a key, as in training.epochs=50; for all sources, repeatable.")
  var overrides: [String] = []

  @OptionGroup var output: OutputOptions

  private static let imageNetImages = 1_281_167

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images: \(images) is not a number of images") }
    if let plot, !plot.hasSuffix(".svg") { throw ValidationError("--plot: \(plot) does not end in .svg") }
  }

  func run() throws {
    var runs: [ScheduleReport.Run] = []
    for source in sources.isEmpty ? ["defaults"] : sources {
      let run = RunFolder(source)
      let isRun = FileManager.default.fileExists(atPath: run.configuration)
      let configuration = try ExperimentConfiguration.load(
        files: [isRun ? run.configuration : source], overrides: overrides)
      let checkpoint = isRun ? try run.newestCheckpoint.map { try Checkpoint.state(at: $0) } : nil
      if images == nil && checkpoint == nil {
        output.say(
          "\(source): the number of images is not known; taken as ImageNet's 1,281,167 (--images N sets it)\n"
        )
      }
      let plan = try TrainingPlan(
        configuration, images: images ?? checkpoint?.images ?? Self.imageNetImages)
      let done = checkpoint.map { min($0.step, plan.steps) } ?? 0
      runs.append(.init(name: source, plan: plan, currentStep: done > 0 ? done - 1 : nil))
    }
    let report = ScheduleReport(runs)
    if let csv { try DurableFile.write(report.csv(), to: csv) }
    if let plot { try DurableFile.write(report.svg, to: plot) }
    output.result(["schedules": report.summaries], text: report.table)
  }
}
