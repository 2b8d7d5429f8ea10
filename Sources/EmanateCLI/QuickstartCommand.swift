import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateTraining
import Foundation

/// `emanate quickstart`: the whole chain on images that the program carries, in a few minutes.
struct QuickstartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quickstart", abstract: "Pretrains on embedded images, and judges what was learned.",
    discussion: """
      Writes 5,000 Fashion-MNIST images as PNG files, pretrains a small residual network on 4,000 of them without \
      their labels, and compares its features with raw pixels and with random weights by the vote of the nearest \
      neighbours and by a linear probe.

      Example: emanate quickstart --out runs/quickstart
      """)

  @Option(help: "Where images and run go: OUT/images and OUT/run.") var out = "runs/quickstart"
  @Option(
    name: .customLong("set"),
    help: "A setting of the run, `training.steps=100` say; may be given several times.")
  var overrides: [String] = []
  @Flag(help: "Replace what an earlier quickstart left in the folder.") var overwrite = false
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    threading.apply()
    let start = ProcessInfo.processInfo.systemUptime
    let folders = try writtenImages()
    output.say("1/3  \(folders.train.count) + \(folders.test.count) images in \(out)/images")

    let configuration = try ExperimentConfiguration.load(files: ["quickstart"], overrides: overrides)
    output.say(
      "2/3  pretraining without labels: emanate pretrain --data \(out)/images/train --config quickstart")
    var pretraining = TrainingRun(configuration, data: ["\(out)/images/train"], run: "\(out)/run")
    pretraining.overwrites = overwrite
    let outcome = try pretraining(showing: output)
    if outcome.isInterrupted {
      output.say(
        "Stopped after step \(outcome.done) of \(outcome.steps). Go on: emanate pretrain --resume --data "
          + "\(out)/images/train --out \(out)/run")
      throw ExitCode(CommandFailure.Code.interrupted.rawValue)
    }

    output.say("3/3  judging the features")
    let rows = try judge(folders)
    let report = Report(
      knn_top1: rows[0].knn, raw_pixel_knn_top1: rows[1].knn, random_knn_top1: rows[2].knn,
      probe_top1: rows[0].probe,
      raw_pixel_probe_top1: rows[1].probe, random_probe_top1: rows[2].probe, loss: outcome.loss,
      steps: outcome.done,
      images_per_second: outcome.imagesPerSecond, seconds: ProcessInfo.processInfo.systemUptime - start,
      run: "\(out)/run")
    output.result(report, text: table(rows, report))
  }

  private struct Row {
    let name: String
    let dimension: Int
    let knn, probe: Double
  }

  private func writtenImages() throws -> LabelledFolders {
    let (images, files) = ("\(out)/images", FileManager.default)
    if RunFolder("\(out)/run").holdsRun && !overwrite { throw TrainingError.runExists(path: "\(out)/run") }
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

  private func table(_ rows: [Row], _ report: Report) -> String {
    ([
      "", "                  numbers   20 nearest   linear probe   (right of 100 test images; chance is 10)",
    ]
      + rows.map {
        $0.name.padding(toLength: 16, withPad: " ", startingAt: 0)
          + String(format: "  %7d  %9.1f %%  %11.1f %%", $0.dimension, $0.knn, $0.probe)
      } + [
        "",
        String(
          format: "%.1f minutes in all; pretraining saw %.0f images/s. Look further:", report.seconds / 60,
          report.images_per_second), "  emanate schedule \(report.run)",
        "  emanate knn --weights \(report.run) --train \(out)/images/train --test \(out)/images/test --baselines",
        "  emanate pretrain --data YOUR_FOLDER --out runs/mine",
      ]).joined(separator: "\n")
  }

  private struct Report: Encodable {
    let knn_top1, raw_pixel_knn_top1, random_knn_top1: Double
    let probe_top1, raw_pixel_probe_top1, random_probe_top1: Double
    let loss: Double?
    let steps: Int
    let images_per_second, seconds: Double
    let run: String
  }
}
