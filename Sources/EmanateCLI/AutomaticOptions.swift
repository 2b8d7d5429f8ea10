import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateTraining
import Foundation

/// `--auto` and `--minutes`: settings that follow from the data and from the time there is.
struct AutomaticOptions: ParsableArguments {
  @Flag(
    name: .customLong("auto"),
    help:
      "Choose prototypes, temperatures, momentum, views and length by the images; --config and --set come after it."
  )
  var isOn = false

  @Option(
    help:
      "With --auto: how many minutes the run may take, by steps tried here. (default: as many as the choices need)"
  )
  var minutes: Double?

  func validate() throws {
    if let minutes, !(minutes > 0 && minutes.isFinite) {
      throw ValidationError("--minutes: \(minutes); more than 0")
    }
    if minutes != nil && !isOn { throw ValidationError("--minutes belongs to --auto") }
  }

  /// Settings for the images in `data`: the choices, then `files`, then `overrides`. Each choice that those did not
  /// change is said on standard error with its reason.
  func settings(data: [String], files: [String], overrides: [String]) throws -> ExperimentConfiguration {
    let given = try ExperimentConfiguration.load(files: files, overrides: overrides)
    let folder = try ImageFolder(data)
    let batch = ExperimentConfiguration().training.batchSize
    let facts = AutomaticChoices.Facts(
      images: folder.count, medianSide: try Self.medianSide(folder),
      batch: given.training.batchSize == batch ? nil : given.training.batchSize)
    var choices = AutomaticChoices(facts, method: given.method).choices
    var configuration = try Self.merged(choices, files, overrides)
    if let minutes {
      let pretraining = TrainingRun(configuration, data: data, run: NSTemporaryDirectory())
      let forecast = try pretraining.forecast { ProcessInfo.processInfo.systemUptime }
      choices.removeAll { $0.path == "training.epochs" }
      choices.append(
        AutomaticChoices.steps(
          minutes: minutes, imagesPerSecond: forecast.imagesPerSecond, batch: configuration.training.batchSize
        ))
      configuration = try Self.merged(choices, files, overrides)
    }
    say(choices, facts, configuration)
    return configuration
  }

  /// The settings of a run that is continued, with what is given over them.
  func settings(
    of saved: ExperimentConfiguration, files: [String], overrides: [String]
  ) throws -> ExperimentConfiguration {
    var configuration = saved
    try configuration.merge(files: files, overrides: overrides)
    return configuration
  }

  private static func merged(
    _ choices: [AutomaticChoices.Choice], _ files: [String], _ overrides: [String]
  ) throws -> ExperimentConfiguration {
    try ExperimentConfiguration.load(
      chosen: [(AutomaticChoices.yaml(choices), "--auto")], files: files, overrides: overrides)
  }

  /// Says what was chosen and why, and what was chosen otherwise by the user.
  private func say(
    _ choices: [AutomaticChoices.Choice], _ facts: AutomaticChoices.Facts,
    _ configuration: ExperimentConfiguration
  ) {
    StandardError.write(
      "emanate: \(facts.images) images, half of them with a short side of \(facts.medianSide) pixels or less; chosen:\n"
    )
    for choice in choices {
      let now = Setting.all.first { $0.path == choice.path }?(configuration).description ?? choice.value
      let isKept = now == choice.value || Double(now).map { $0 == Double(choice.value) } ?? false
      StandardError.write(
        "  \(choice.path) = \(now)   "
          + (isKept ? choice.reason : "as given; \(choice.value) would fit: \(choice.reason)")
          + "\n")
    }
  }

  /// The median short side of up to 64 images, evenly spread over the folder.
  private static func medianSide(_ folder: ImageFolder) throws -> Int {
    let decoder = ImageDecoder()
    let step = max(1, folder.count / 64)
    var sides: [Int] = []
    for row in stride(from: 0, to: folder.count, by: step) {
      // What cannot be read is named by the run itself.
      if let image = try? decoder.decode(contentsOf: folder.entries[row].file) {
        sides.append(min(image.width, image.height))
      }
    }
    guard !sides.isEmpty else {
      throw CommandFailure(
        .data, "none of \((folder.count + step - 1) / step) images tried in \(folder.roots[0]) can be read")
    }
    return sides.sorted()[(sides.count - 1) / 2]
  }
}
