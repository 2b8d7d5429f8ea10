import ArgumentParser
import EmanateConfiguration
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
      The IDX files are those of the Debian package dataset-fashion-mnist (MIT licence). --embedded takes 4,000
      training and 1,000 test images, which the program carries.
      """,
    examples: [
      "emanate dataset fashion-mnist --out fashion",
      "emanate dataset fashion-mnist --out sample --embedded",
    ])

  @Option(help: "The folder to make; it must not hold anything yet.", completion: .directory)
  var out: String

  @Option(
    help: "The folder of the IDX files, gzipped or not. (default: \(FashionMNIST.defaultSource))",
    completion: .directory)
  var source: String?

  @Flag(help: "Take the 4,000 training and 1,000 test images that the program carries.")
  var embedded = false

  @Option(help: "The most images of each part, the first ones. (default: all)")
  var limit: Int?

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit: \(limit) images; at least 1") }
    if embedded && source != nil { throw ValidationError("--embedded: there is --source too; one of them") }
  }

  func run() throws {
    threading.apply()
    let counts = embedded ? try writeEmbedded() : try write(from: source ?? FashionMNIST.defaultSource)
    output.result(
      Summary(train_images: counts.train, test_images: counts.test, out: out),
      text: "\(counts.train) training and \(counts.test) test images in \(out)")
  }

  private func write(from source: String) throws -> (train: Int, test: Int) {
    guard FileManager.default.fileExists(atPath: source) else {
      throw CommandFailure(
        .files,
        "\(source): there is no such folder; install the package dataset-fashion-mnist, name --source, or take --embedded"
      )
    }
    return try FashionMNIST(source: source).write(to: out, limit: limit)
  }

  private func writeEmbedded() throws -> (train: Int, test: Int) {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Resource.writeFashionMNISTSample(into: folder.path)
    return try FashionMNIST(source: folder.path).write(to: out, limit: limit)
  }

  private struct Summary: Encodable {
    let train_images, test_images: Int
    let out: String
  }
}
