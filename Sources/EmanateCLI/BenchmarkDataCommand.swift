import ArgumentParser
import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateKernels
import Foundation

extension DataMode: ExpressibleByArgument {}

/// `emanate benchmark data`: decoding and multi-crop, without training.
struct BenchmarkDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Measures how fast a folder becomes normalised views.",
    examples: [
      "emanate benchmark data --data photos --images 256 --threads 1"
    ])

  @Option(parsing: .upToNextOption, help: "Folders of images.", completion: .directory) var data: [String]
  @Option(
    help: "A recipe: a YAML file, or one by name (`emanate list recipes`).",
    completion: CompletionOffers.recipes)
  var recipe = "dino"
  @Option(help: "How many images to take.") var images = 256
  @Option(help: "How many images a batch has.") var batch = 16
  @Option(help: "The side of a patch in pixels.") var patch = 16
  @Option(help: "exact: Pillow's resampling bit for bit; fast: most levels the same.") var mode = DataMode
    .exact
  @Flag(help: "Say where the time goes, on one thread.") var profile = false
  @Flag(help: "Measure how views of mode fast differ from exact ones, in levels, in place of the speed.")
  var differences = false
  @Option(help: "Keys the views' randomness.") var seed: UInt64 = 0
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if profile && threading.threads ?? 0 != 1 {
      throw ValidationError("--profile: times are those of one thread; add --threads 1")
    }
    for (name, value) in [("--images", images), ("--batch", batch), ("--patch", patch)] where value < 1 {
      throw ValidationError("\(name): \(value); at least 1")
    }
  }

  func run() throws {
    threading.apply()
    var settings = ExperimentConfiguration()
    (settings.data.recipe, settings.network.patch) = (recipe, patch)
    let views = try MultiCrop(settings.resolvedRecipe(), mode: mode)
    var folder = try ImageFolder(data)
    if folder.count > images { folder = folder.selecting(Array(0..<images)) }
    if differences {
      try reportDifferences(of: folder, recipe: settings.resolvedRecipe())
      return
    }
    let size = min(batch, folder.count)
    let steps = folder.count / size
    // The first pass warms the file cache and the buffers up; the second one counts.
    let loader = try Loader(
      folder: folder, maker: views, patch: patch, batchSize: size, seed: seed, steps: 0..<2 * steps)
    for _ in 0..<steps { _ = try loader.next() }
    if profile { Profile.shared.begin() }
    let start = ProcessInfo.processInfo.systemUptime
    var seen = 0
    while let batch = try loader.next() { seen += batch.batchSize }
    let seconds = ProcessInfo.processInfo.systemUptime - start
    for file in loader.state.skipped { StandardError.warn("left out: \(file)") }
    let stages = profile ? Self.stages(Profile.shared.end(), seconds: seconds, images: seen) : nil
    let report = Report(
      images_per_second: Double(seen) / seconds, images: seen, threads: ThreadPool.shared.threads,
      skipped: loader.state.skipped.count, peak_resident_bytes: peakResidentBytes(), stages: stages)
    let summary = String(
      format: "%.1f images/s (%d images, %d threads), peak memory %.0f MB", report.images_per_second, seen,
      report.threads, Double(report.peak_resident_bytes) / 1e6)
    let lines = (stages ?? []).map {
      "\n" + $0.stage.padding(toLength: 28, withPad: " ", startingAt: 0)
        + String(format: "%8.0f us an image %6.1f %%", $0.microseconds, 100 * $0.share)
    }
    output.result(report, text: summary + (lines.isEmpty ? "" : "\n") + lines.joined())
  }

  /// Every stage, longest first, then what is none of them, then the whole.
  private static func stages(_ lines: [Profile.Line], seconds: Double, images: Int) -> [Stage] {
    func stage(_ name: String, _ taken: Double) -> Stage {
      Stage(stage: name, microseconds: taken / Double(images) * 1e6, share: taken / seconds)
    }
    let measured = lines.reduce(0) { $0 + $1.seconds }
    return lines.map { stage($0.kind, $0.seconds) } + [
      stage("everything else", seconds - measured), stage("in all", seconds),
    ]
  }

  private struct Stage: Encodable {
    let stage: String
    let microseconds, share: Double
  }

  private func reportDifferences(of folder: ImageFolder, recipe: Recipe) throws {
    var crops = recipe
    for index in crops.views.indices { crops.views[index].augmentations = [] }
    let rows = [
      DifferenceReport("crops", try ModeComparison(folder, recipe: crops, seed: seed)),
      DifferenceReport("views", try ModeComparison(folder, recipe: recipe, seed: seed)),
    ]
    let lines = rows.map {
      String(
        format:
          "%@: mean difference %.3f levels; more than 1 in %.3f %%, more than 2 in %.3f %%; greatest %d",
        $0.of,
        $0.mean, 100 * $0.above_1, 100 * $0.above_2, $0.greatest)
    }
    output.result(rows, text: lines.joined(separator: "\n"))
  }

  private struct DifferenceReport: Encodable {
    let of: String
    let mean, above_1, above_2: Double
    let greatest, levels: Int

    init(_ name: String, _ comparison: ModeComparison) {
      of = name
      (mean, above_1, above_2) = (comparison.mean, comparison.share(above: 1), comparison.share(above: 2))
      (greatest, levels) = (comparison.greatest, comparison.levels)
    }
  }

  private struct Report: Encodable {
    let images_per_second: Double
    let images, threads, skipped, peak_resident_bytes: Int
    let stages: [Stage]?
  }
}
