import ArgumentParser
import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateKernels
import Foundation

/// `emanate benchmark data`: decoding and multi-crop, without training.
struct BenchmarkDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Measures how fast a folder becomes normalised views.",
    discussion: "Example: emanate benchmark data --data photos --images 256 --threads 1")

  @Option(parsing: .upToNextOption, help: "Folders of images.") var data: [String]
  @Option(help: "A recipe: a YAML file or an embedded name.") var recipe = "dino"
  @Option(help: "How many images to take.") var images = 256
  @Option(help: "Images a batch.") var batch = 16
  @Option(help: "The side of a patch in pixels.") var patch = 16
  @Option(help: "exact: Pillow's resampling bit for bit.") var mode = "exact"
  @Option(help: "Keys the views.") var seed: UInt64 = 0
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if mode != "exact" { throw ValidationError("--mode \(mode): only exact is there yet") }
    for (name, value) in [("--images", images), ("--batch", batch), ("--patch", patch)] where value < 1 {
      throw ValidationError("\(name): \(value); at least 1")
    }
  }

  func run() throws {
    threading.apply()
    var settings = ExperimentConfiguration()
    (settings.data.recipe, settings.network.patch) = (recipe, patch)
    let views = try MultiCrop(settings.resolvedRecipe())
    var folder = try ImageFolder(data)
    if folder.count > images { folder = folder.selecting(Array(0..<images)) }
    let size = min(batch, folder.count)
    let steps = folder.count / size
    // The first pass warms the file cache and the buffers up; the second one counts.
    let loader = try Loader(
      folder: folder, maker: views, patch: patch, batchSize: size, seed: seed, steps: 0..<2 * steps)
    for _ in 0..<steps { _ = try loader.next() }
    let start = ProcessInfo.processInfo.systemUptime
    var seen = 0
    while let batch = try loader.next() { seen += batch.batchSize }
    let seconds = ProcessInfo.processInfo.systemUptime - start
    let report = Report(
      images_per_second: Double(seen) / seconds, images: seen, threads: ThreadPool.shared.threads,
      skipped: loader.state.skipped.count, peak_resident_bytes: peakResidentBytes())
    output.result(
      report,
      text: String(
        format: "%.1f images/s (%d images, %d threads), peak memory %.0f MB", report.images_per_second, seen,
        report.threads, Double(report.peak_resident_bytes) / 1e6))
  }

  private struct Report: Encodable {
    let images_per_second: Double
    let images, threads, skipped, peak_resident_bytes: Int
  }
}
