import ArgumentParser
import EmanateEvaluation

/// `--weights` of a network with its classifier.
struct ClassifierOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run's or checkpoint's folder, a safetensors or PyTorch file with a classifier.",
      valueName: "weights"), completion: CompletionOffers.weights)
  var weights: String

  @Option(help: "Which network of a run or checkpoint; where there is no teacher, its student.")
  var network = NetworkHints.Role.teacher

  @OptionGroup var architecture: ArchitectureOptions
  @OptionGroup var computing: PrecisionOptions

  /// The network, its notes shown; `unnamed` are the names for classes that the file does not name.
  func classifier(unnamed: [String]? = nil) throws -> FrozenClassifier {
    var hints = architecture.hints
    hints.role = network
    var classifier = try NetworkReader(hints).readClassifier(weights, unnamed: unnamed)
    classifier.network.precision = computing.precision
    for note in classifier.network.notes { StandardError.write("emanate: note: \(note)\n") }
    return classifier
  }
}
