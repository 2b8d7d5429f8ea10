import ArgumentParser
import EmanateData
import EmanateEvaluation
import EmanateInterchange
import Foundation

/// `emanate features`: a row of numbers for every image of a folder.
struct FeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Writes the features of a folder's images to a file.",
    discussion: """
      Rows are in byte order of the relative paths: the class token after the final LayerNorm, float32, not normalised.
      A .csv file has each row's path; a .safetensors file has the tensor `features` and, as metadata, `paths`: a JSON
      list. A file that cannot be decoded has no row.
      """,
    examples: [
      "emanate features --weights runs/photos --data photos --out photos.npy"
    ])

  @OptionGroup var weights: WeightsOptions

  @Option(help: "A folder of PNG and JPEG files, flat or nested.", completion: .directory)
  var data: String

  @Option(
    help: "The file to write: its name ends in .safetensors, .npy or .csv.",
    completion: .file(extensions: ["safetensors", "npy", "csv"]))
  var out: String

  @Option(help: "Keys the numbers of --weights random.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  private enum Format: String, CaseIterable { case safetensors, npy, csv }

  private var format: Format? { Format.allCases.first { out.hasSuffix("." + $0.rawValue) } }

  func validate() throws {
    if format == nil { throw ValidationError("--out: \(out) does not end in .safetensors, .npy or .csv") }
  }

  func run() throws {
    threading.apply()
    let folder = try listing(data)
    try checkPlace(of: out)
    let source = try weights.source(seed: seed)
    let start = ProcessInfo.processInfo.systemUptime
    let progress = CountProgress("images", of: folder.count)
    let features = try Features(of: folder, by: source) { progress($0) }
    progress.finish()
    let seconds = ProcessInfo.processInfo.systemUptime - start
    warn(ofSkipped: features.skipped)
    try write(features)
    let summary = Summary(
      images: features.count, dimension: features.dimension, skipped: features.skipped.count,
      skipped_files: features.skipped.map(SkippedEntry.init), out: out, weights: weights.weights,
      side: source.side,
      seconds: seconds, images_per_second: Double(features.count) / seconds)
    output.result(
      summary,
      text: String(
        format: "%d images of %d numbers each to %@, %.1f images/s, %d left out", summary.images,
        summary.dimension,
        out, summary.images_per_second, summary.skipped))
  }

  private func write(_ features: Features) throws {
    let paths = features.folder.entries.map(\.relativePath)
    switch format! {
    case .npy: try NPY.write(features.rows, to: out)
    case .csv: try FeatureCSV.write(paths: paths, features: features.rows, to: out)
    case .safetensors:
      try Safetensors.write(
        [("features", features.rows)], metadata: ["paths": JSONOutput.text(paths)], to: out)
    }
  }

  private struct Summary: Encodable {
    let images, dimension, skipped: Int
    let skipped_files: [SkippedEntry]
    let out, weights: String
    let side: Int
    let seconds, images_per_second: Double
  }
}
