import ArgumentParser
import EmanateEvaluation

/// Which attacks, how far they may go and how hard they try.
struct AttackArguments: ParsableArguments {
  @Option(
    name: .long, parsing: .upToNextOption,
    help:
      "Attacks: `emanate list attacks`. (default: fgsm pgd pgd-margin cw, and transfer with several --weights)",
    completion: .list(AttackRegistry.all.map { $0.name }))
  var attacks: [String] = []

  @Option(help: "How far any level may move, of levels 0 to 1: a number, or a fraction such as 8/255.")
  var epsilon = Fraction("8/255")!

  @Option(name: .customLong("epsilon-l2"), help: "How far an image may move in all, L2, of levels 0 to 1.")
  var epsilonL2 = Fraction("0.5")!

  @Option(help: "Steps of each of PGD's starts.")
  var steps = AttackOptions().steps

  @Option(name: .customLong("step-size"), help: "The length of PGD's steps. (default: 2.5 epsilon / steps)")
  var stepSize: Fraction?

  @Option(help: "PGD's random starts; the best of them counts.")
  var restarts = AttackOptions().restarts

  @Option(help: "Carlini-Wagner: by how much another logit must exceed the own one.")
  var confidence = AttackOptions().confidence

  @Option(name: .customLong("cw-search"), help: "Carlini-Wagner: how many weights of the margin are tried.")
  var searchSteps = AttackOptions().searchSteps

  @Option(name: .customLong("cw-steps"), help: "Carlini-Wagner: Adam's steps for each of them.")
  var iterations = AttackOptions().iterations

  @Option(name: .customLong("cw-rate"), help: "Carlini-Wagner: Adam's first learning rate; it falls to 0.")
  var learningRate = AttackOptions().learningRate

  func validate() throws {
    _ = try entries(of: 2)
    if !(0...1).contains(epsilon.value) {
      throw ValidationError(
        "--epsilon: \(epsilon.text) is not from 0 to 1, where levels run; 8 of 255 is written 8/255")
    }
    if epsilonL2.value < 0 { throw ValidationError("--epsilon-l2: \(epsilonL2.text) is below 0") }
    if let stepSize, stepSize.value <= 0 {
      throw ValidationError("--step-size: \(stepSize.text) is not above 0")
    }
    for (option, value) in [
      ("--steps", steps), ("--restarts", restarts), ("--cw-search", searchSteps), ("--cw-steps", iterations),
    ] where value < 1 {
      throw ValidationError("\(option): \(value); at least 1")
    }
    if !(confidence >= 0 && confidence.isFinite) {
      throw ValidationError("--confidence: \(confidence) is not a number from 0 on")
    }
    if !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--cw-rate: \(learningRate) is not above 0")
    }
  }

  /// The attacks asked for, on so many classifiers.
  func entries(of classifiers: Int) throws -> [AttackRegistry.Entry] {
    if attacks.isEmpty {
      return ["fgsm", "pgd", "pgd-margin", "cw"].compactMap(AttackRegistry.entry)
        + (classifiers > 1 ? AttackRegistry.all.filter(\.transfers) : [])
    }
    if Set(attacks).count < attacks.count {
      throw ValidationError("--attacks: \(attacks.joined(separator: " ")) names one twice")
    }
    return try attacks.map { name in
      guard let entry = AttackRegistry.entry(named: name) else {
        let names = AttackRegistry.all.map(\.name).joined(separator: ", ")
        throw ValidationError("--attacks: there is no attack `\(name)`; there are \(names)")
      }
      return entry
    }
  }

  /// What was said, for the library.
  var options: AttackOptions {
    var options = AttackOptions()
    (options.epsilon, options.epsilonL2) = (epsilon.value, epsilonL2.value)
    (options.steps, options.restarts, options.stepSize) = (steps, restarts, stepSize?.value)
    (options.confidence, options.searchSteps) = (confidence, searchSteps)
    (options.iterations, options.learningRate) = (iterations, learningRate)
    return options
  }
}

/// A finite number as it was written: `0.03` or `8/255`.
struct Fraction: ExpressibleByArgument {
  let text: String
  let value: Double

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
    guard let top = parts[0], parts.count <= 2, let bottom = parts.count == 2 ? parts[1] : 1 else {
      return nil
    }
    (self.text, value) = (text, top / bottom)
    if !value.isFinite { return nil }
  }

  init?(argument: String) { self.init(argument) }
  var defaultValueDescription: String { text }
}
