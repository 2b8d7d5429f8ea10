import ArgumentParser
import EmanateEvaluation
import EmanateInterchange
import Foundation

/// `emanate predict`: the class of every image of a folder.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Writes the class and its probability for every image of a folder.",
    discussion: """
      A line an image, in byte order of the relative paths: path, class, probability. A file that cannot be decoded has no
      line, and a warning names it.
      """,
    examples: [
      "emanate predict --weights runs/tuned --data new-photos --out classes.csv"
    ])

  @OptionGroup var options: ClassifierOptions

  @Option(help: "A folder of PNG and JPEG files, flat or nested.", completion: .directory)
  var data: String

  @Option(
    help: "The file to write: its name ends in .csv or .jsonl.",
    completion: .file(extensions: ["csv", "jsonl"]))
  var out: String

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !out.hasSuffix(".csv") && !out.hasSuffix(".jsonl") {
      throw ValidationError("--out: \(out) does not end in .csv or .jsonl")
    }
  }

  func run() throws {
    threading.apply()
    let folder = try listing(data)
    let classifier = try options.classifier()
    let progress = CountProgress("images", of: folder.count)
    let logits = try Features(of: folder, by: .classifier(classifier)) { progress($0) }
    progress.finish()
    warn(ofSkipped: logits.skipped)
    let rows = zip(logits.folder.entries, ClassPrediction.of(logits.rows)).map { entry, prediction in
      (path: entry.relativePath, name: classifier.classes[prediction.label], prediction.probability)
    }
    try DurableFile.write(out.hasSuffix(".csv") ? Self.table(rows) : Self.lines(rows), to: out)
    output.result(
      Summary(images: rows.count, skipped: logits.skipped.count, out: out),
      text: "\(rows.count) images to \(out), \(logits.skipped.count) left out")
  }

  private typealias Row = (path: String, name: String, probability: Double)

  private static func table(_ rows: [Row]) -> String {
    "path,class,probability\n"
      + rows.map {
        "\(FeatureCSV.quoted($0.path)),\(FeatureCSV.quoted($0.name)),\(String(format: "%.6f", $0.probability))\n"
      }.joined()
  }

  private static func lines(_ rows: [Row]) -> String {
    rows.map {
      JSONOutput.text(Line(path: $0.path, class: $0.name, probability: $0.probability)) + "\n"
    }.joined()
  }

  private struct Line: Encodable {
    let path, `class`: String
    let probability: Double
  }

  private struct Summary: Encodable {
    let images, skipped: Int
    let out: String
  }
}
