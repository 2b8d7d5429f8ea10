import ArgumentParser
import EmanateAugmentations
import EmanateData
import EmanateEvaluation
import EmanateImages
import Foundation

/// `emanate knn`: how often the nearest training images vote for the right class.
struct KNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knn", abstract: "Judges features by the vote of the nearest training images, as DINO does.",
    discussion: """
      `random` is the mean of three initialisations of the architecture; `raw-pixels` compares the prepared images
      themselves. --baselines shows both beside the weights, at the same side.
      """,
    examples: [
      "emanate knn --weights runs/photos --data photos --baselines",
      Example(
        "Two folders",
        "emanate knn --weights runs/photos --train labelled/train --test labelled/test"),
    ])

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var split: SplitOptions

  @Option(name: .customLong("k"), help: "How many neighbours vote.")
  var neighbors = 20

  @Option(help: "The temperature of a vote: exp(similarity / temperature).")
  var temperature = 0.07

  @Flag(help: "Show raw pixels and random weights (mean of three seeds) beside the weights.")
  var baselines = false

  @Option(help: "Keys the split of --data.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if neighbors < 1 { throw ValidationError("--k: \(neighbors) neighbours; at least 1") }
    if !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature: \(temperature) is not above 0")
    }
  }

  func run() throws {
    threading.apply()
    let folders = try split.folders(seed: seed)
    if neighbors > folders.train.count {
      throw CommandFailure(
        .usage, "--k: \(neighbors) neighbours, and there are \(folders.train.count) training images")
    }
    let stored = try weights.storedNetwork()
    let main: Measurement
    var (pixels, random): (Measurement?, Measurement?)
    switch weights.choice {
    case .stored: main = try measure(folders, [.network(stored!)], "weights")
    case .rawPixels:
      main = try measure(folders, [.pixels(side: weights.architecture.side ?? 224)], "raw pixels")
      pixels = main
    case .random:
      main = try measure(folders, try randomSources(nil), "random")
      random = main
    }
    if baselines {
      let side = try stored?.side ?? weights.reader.architecture().side
      if pixels == nil {
        let decoder = stored?.decoder ?? ImageDecoder()
        let crop = stored?.preparation.crop ?? ImagePreparation.usualCrop
        pixels = try measure(
          folders, [.pixels(side: pixelSide(side, folders), crop: crop, decoder: decoder)], "raw pixels")
      }
      if random == nil { random = try measure(folders, try randomSources(stored), "random") }
    }
    warn(ofSkipped: main.skipped)
    let summary = Summary(main, pixels, random, self, folders)
    output.result(summary, text: table(main, pixels, random, folders))
  }

  /// The side for the raw pixels beside a network: its own, or the largest whose rows fit a quarter of the
  /// memory.
  private func pixelSide(_ side: Int, _ folders: LabelledFolders) -> Int {
    let numbers = ProcessInfo.processInfo.physicalMemory / 16 / UInt64(max(1, folders.count))
    let largest = max(1, Int((Double(numbers) / 3).squareRoot()))
    if largest >= side { return side }
    StandardError.warn(
      "raw pixels are compared at side \(largest), not \(side): more would not fit the memory")
    return largest
  }

  /// The initialisations of seeds 0, 1 and 2.
  private func randomSources(_ network: FrozenNetwork?) throws -> [FeatureSource] {
    let network = try network ?? weights.randomNetwork(seed: 0)
    return (0..<3).map { .network(network.randomized(seed: $0)) }
  }

  private struct Measurement {
    let accuracy: Accuracy
    let imagesPerSecond: Double
    let dimension, side, trainImages, testImages, classes: Int
    let skipped: [SkippedFile]
  }

  /// The mean accuracy of several sources.
  private func measure(_ folders: LabelledFolders, _ sources: [FeatureSource], _ name: String) throws
    -> Measurement
  {
    var accuracies: [Accuracy] = []
    var last: LabelledFeatures?
    var seconds = 0.0
    for (number, source) in sources.enumerated() {
      let label = sources.count == 1 ? name : "\(name) \(number + 1) of \(sources.count)"
      let features = try LabelledFeatures(folders, by: source, name: "\(label): images")
      if neighbors > features.train.count {
        throw CommandFailure(
          .data,
          "--k: \(neighbors) neighbours, and only \(features.train.count) training images can be decoded")
      }
      let vote = KNearestNeighbors(
        features: features.train.rows, labels: features.trainLabels, classes: features.classes.count,
        k: neighbors,
        temperature: temperature)
      accuracies.append(vote.accuracy(features: features.test.rows, labels: features.testLabels))
      seconds += features.seconds
      last = features
    }
    let features = last!
    return Measurement(
      accuracy: .mean(accuracies),
      imagesPerSecond: Double(sources.count * (features.train.count + features.test.count)) / seconds,
      dimension: features.train.dimension, side: sources[0].side, trainImages: features.train.count,
      testImages: features.test.count, classes: features.classes.count, skipped: features.skipped)
  }

  private func table(
    _ main: Measurement, _ pixels: Measurement?, _ random: Measurement?, _ folders: LabelledFolders
  ) -> String {
    var rows: [(String, Measurement)] = [(weights.weights, main)]
    if baselines {
      if let pixels, weights.weights != "raw-pixels" { rows.append(("raw-pixels", pixels)) }
      if let random, weights.weights != "random" { rows.append(("random (3 seeds)", random)) }
    }
    let width = max(12, rows.map(\.0.count).max()!)
    func padded(_ text: String) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
    return
      ([
        "\(main.trainImages) training and \(main.testImages) test images, \(main.classes) classes, k \(neighbors), "
          + "temperature \(temperature)",
        padded("") + "    top-1    top-5  numbers",
      ]
      + rows.map { name, row in
        padded(name)
          + String(format: "  %6.2f %%  %5.2f %%  %7d", row.accuracy.top1, row.accuracy.top5, row.dimension)
      }).joined(separator: "\n")
  }

  private struct Summary: Encodable {
    let weights: String
    let top1, top5: Double
    let k: Int
    let temperature: Double
    let raw_pixel_top1, raw_pixel_top5, random_top1, random_top5: Double?
    let images_per_second: Double
    let train_images, test_images, classes, dimension, side, skipped: Int
    let skipped_files: [SkippedEntry]

    init(
      _ main: Measurement, _ pixels: Measurement?, _ random: Measurement?, _ command: KNNCommand,
      _ folders: LabelledFolders
    ) {
      weights = command.weights.weights
      (top1, top5) = (main.accuracy.top1, main.accuracy.top5)
      (k, temperature) = (command.neighbors, command.temperature)
      (raw_pixel_top1, raw_pixel_top5) = (pixels?.accuracy.top1, pixels?.accuracy.top5)
      (random_top1, random_top5) = (random?.accuracy.top1, random?.accuracy.top5)
      images_per_second = main.imagesPerSecond
      (train_images, test_images, classes) = (main.trainImages, main.testImages, main.classes)
      (dimension, side, skipped) = (main.dimension, main.side, main.skipped.count)
      skipped_files = main.skipped.map(SkippedEntry.init)
    }
  }
}
