import ArgumentParser
import EmanateConfiguration
import EmanateEvaluation
import EmanateTensors

/// `--weights` and what belongs to it: a run, a checkpoint, a file, `raw-pixels` or `random`.
struct WeightsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run's or checkpoint's folder, a safetensors or PyTorch file, `raw-pixels`, or `random`.",
      valueName: "weights"), completion: CompletionOffers.weightsOrWords)
  var weights: String

  @Option(help: "Which network of a run or checkpoint; where there is no teacher, its student.")
  var network = NetworkHints.Role.teacher

  @OptionGroup var architecture: ArchitectureOptions
  @OptionGroup var computing: PrecisionOptions

  /// What the words stand for.
  enum Choice { case rawPixels, random, stored(String) }

  var choice: Choice {
    switch weights {
    case "raw-pixels": .rawPixels
    case "random": .random
    default: .stored(weights)
    }
  }

  var reader: NetworkReader { NetworkReader(hints) }

  private var hints: NetworkHints {
    var hints = architecture.hints
    hints.role = network
    return hints
  }

  /// The network that is stored, with its notes shown as warnings; nil for the words.
  func storedNetwork() throws -> FrozenNetwork? {
    guard case .stored(let path) = choice else { return nil }
    var network = try reader.read(path)
    network.precision = computing.precision
    for note in network.notes { StandardError.write("emanate: note: \(note)\n") }
    return network
  }

  /// The initialisation of `seed` of the architecture that the options say.
  func randomNetwork(seed: UInt64) throws -> FrozenNetwork {
    var network = try reader.random(seed: seed)
    network.precision = computing.precision
    return network
  }

  /// The one source of features that the option stands for; for `random` the initialisation of `seed`.
  func source(seed: UInt64) throws -> FeatureSource {
    switch choice {
    case .rawPixels: .pixels(side: architecture.side ?? 224)
    case .random: .network(try randomNetwork(seed: seed))
    case .stored: .network(try storedNetwork()!)
    }
  }
}

/// `--precision`: what products are computed with.
struct PrecisionOptions: ParsableArguments {
  @Option(help: "The numbers that products are computed with.")
  var precision = Precision.float32

  @Flag(help: "Compute bfloat16 also on a processor without instructions for it, slower than float32.")
  var emulateBfloat16 = false

  func validate() throws {
    if let missing = precision.missing, !emulateBfloat16 {
      throw ValidationError(
        "--precision \(precision): \(missing); --emulate-bfloat16 computes the same numbers without it")
    }
  }
}

extension Precision: ExpressibleByArgument {}

/// `--arch`, `--patch`, `--side`: a network's sizes where no file says them.
struct ArchitectureOptions: ParsableArguments {
  @Option(
    name: .customLong("arch"),
    help:
      "Width, blocks and heads where the file does not say: `emanate list architectures`. (default: vit_tiny)"
  )
  var name: NetworkSettings.Architecture?

  @Option(help: "Pixels of a patch's side, where the file does not say. (default: 16)")
  var patch: Int?

  @Option(help: "Pixels of the prepared images' side. (default: the run's or the file's, else 224)")
  var side: Int?

  func validate() throws {
    for (option, value) in [("--patch", patch), ("--side", side)] {
      if let value, !(1...4096).contains(value) {
        throw ValidationError("\(option): \(value) is not from 1 to 4096")
      }
    }
  }

  var hints: NetworkHints {
    var hints = NetworkHints()
    (hints.architecture, hints.patch, hints.side) = (name, patch, side)
    return hints
  }
}

extension NetworkHints.Role: ExpressibleByArgument {}
extension NetworkSettings.Architecture: ExpressibleByArgument {}
