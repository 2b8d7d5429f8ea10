import ArgumentParser
import EmanateData
import Foundation

/// `emanate dataset stats`: the channels' mean and deviation, for a recipe.
struct DatasetStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Prints the mean and deviation of red, green and blue, to paste into a recipe.",
    discussion: """
      Of levels 0...1, every image counted alike, whatever its size. A file that cannot be decoded is left out.
      """,
    examples: [
      "emanate dataset stats photos"
    ])

  @OptionGroup var reading: SweepOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let (statistics, folder) = try reading.sweep { sweep in
      try FolderStatistics(sweep).map { ($0, sweep.folder) }
    }
    warn(ofSkipped: folder.unlisted + statistics.skipped)
    if statistics.std.contains(where: { $0 < 1e-6 }) {
      StandardError.warn("a channel has one level throughout; a recipe needs deviations above 0")
    }
    output.result(
      Summary(
        images: statistics.images, skipped: statistics.skipped.count, mean: statistics.mean,
        std: statistics.std),
      text: """
        # \(statistics.images) images of \(reading.folders.joined(separator: ", "))
        mean: \(Self.list(statistics.mean))
        std: \(Self.list(statistics.std))
        """)
  }

  private static func list(_ numbers: [Double]) -> String {
    "[" + numbers.map { String(format: "%.6f", $0) }.joined(separator: ", ") + "]"
  }

  private struct Summary: Encodable {
    let images, skipped: Int
    let mean, std: [Double]
  }
}
