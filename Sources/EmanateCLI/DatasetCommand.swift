import ArgumentParser
import EmanateData
import EmanateInterchange
import Foundation

/// `emanate dataset`: folders of images, made and looked at.
struct DatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dataset", abstract: "Checks and measures folders of images, and makes one from a data set.",
    examples: ["emanate dataset check photos", "emanate dataset stats photos"],
    subcommands: [DatasetCheckCommand.self, DatasetStatsCommand.self, FashionMNISTCommand.self])
}

/// `emanate dataset fashion-mnist`: IDX files to a labelled folder.
struct FashionMNISTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fashion-mnist", abstract: "Writes Fashion-MNIST as train/CLASS/*.png and test/CLASS/*.png.",
    discussion: """
      The IDX files are those of the Debian package dataset-fashion-mnist (MIT licence).
      """,
    examples: [
      "emanate dataset fashion-mnist --out fashion --limit 2000"
    ])

  @Option(help: "The folder to make; it must not hold anything yet.", completion: .directory)
  var out: String

  @Option(help: "The folder of the IDX files, gzipped or not.", completion: .directory)
  var source = FashionMNIST.defaultSource

  @Option(help: "The most images of each part, the first ones. (default: all)")
  var limit: Int?

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit: \(limit) images; at least 1") }
  }

  func run() throws {
    threading.apply()
    guard FileManager.default.fileExists(atPath: source) else {
      throw CommandFailure(
        .files,
        "\(source): there is no such folder; install the package dataset-fashion-mnist or name --source")
    }
    let counts = try FashionMNIST(source: source).write(to: out, limit: limit)
    output.result(
      Summary(train_images: counts.train, test_images: counts.test, out: out),
      text: "\(counts.train) training and \(counts.test) test images in \(out)")
  }

  private struct Summary: Encodable {
    let train_images, test_images: Int
    let out: String
  }
}
