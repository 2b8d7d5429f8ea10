import ArgumentParser
import EmanateEvaluation

/// `emanate evaluate`: how well a classifier does on labelled images.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Tests a classifier on a labelled folder: accuracy, per class, calibration, latency.",
    discussion: """
      The folder's classes must be the network's. Of a run the best checkpoint is read where images were held out, else the
      newest.
      """,
    examples: [
      "emanate evaluate --weights runs/tuned --test labelled/test"
    ])

  @OptionGroup var options: ClassifierOptions

  @Option(help: "The labelled folder to test on.", completion: .directory)
  var test: String

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    threading.apply()
    let folder = try listing(test)
    let judgement = try ClassifierJudgement(
      options.classifier(unnamed: folder.classes), test: folder, of: options.weights)
    warn(ofSkipped: judgement.skipped)
    output.result(judgement.summary, text: judgement.text)
  }
}
