/// A teacher that is made of the label alone (Tf-KD_reg).
public struct VirtualTeacherSettings: Hashable, Sendable {
  /// The probability it gives to the true class.
  public var probability = 0.99
  /// What logits are divided by.
  public var temperature = 20.0
}

/// Classifiers behind a network's stages that learn from the deepest one (be your own teacher).
public struct ShallowClassifierSettings: Hashable, Sendable {
  /// The share of the deepest classifier's probabilities in a shallow one's loss; labels have the rest.
  public var share = 0.3
  /// The weight of the distance to the deepest features.
  public var hint = 0.03
  /// What logits are divided by.
  public var temperature = 3.0
}

/// Students that learn beside the student (mutual learning).
public struct PeerSettings: Hashable, Sendable {
  /// Their architectures; `same` for the student's own.
  public var networks = [same]
  /// What logits are divided by.
  public var temperature = 1.0

  /// The student's own architecture.
  public static let same = "same"
}

extension NetworkSettings {
  /// The network of one of `distill.peers.networks`: this one, or one of another name with what else was chosen, but for
  /// a transformer's sizes.
  public func peer(_ name: String) -> NetworkSettings? {
    if name == PeerSettings.same { return self }
    guard let found = Architecture(rawValue: name) else { return nil }
    var settings = self
    settings.architecture = found
    if found != architecture {
      (settings.width, settings.depth, settings.heads) = (.preset, .preset, .preset)
    }
    return settings
  }
}

extension ExperimentConfiguration {
  /// Peers that nobody knows, and generations that could not share a cache.
  func checkSelfDistillation() throws(ConfigurationError) {
    if let unknown = distill.peers.networks.first(where: { network.peer($0) == nil }) {
      throw .inconsistent(
        reason:
          "`distill.peers.networks` has `\(unknown)`; there are \(PeerSettings.same) (the student's own), "
          + NetworkSettings.Architecture.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if distill.generations != .off && distill.cache != .off {
      throw .inconsistent(
        reason:
          "`distill.cache` keeps what one teacher makes, and with `distill.generations` \(distill.generations.text) "
          + "each has another: set one of them to off")
    }
  }
}

extension Setting {
  /// The keys of students that teach themselves or one another.
  static let selfTaught: [Setting] = [
    Setting(
      "distill.generations", \.distill.generations,
      "how often the student is trained again, each time by the one before (born-again, emanate distill)",
      within: 1...100),
    Setting(
      "distill.virtual.probability", \.distill.virtual.probability,
      "term virtual: what its teacher gives to the true class", within: 0.5...0.999999),
    Setting(
      "distill.virtual.temperature", \.distill.virtual.temperature,
      "term virtual: what logits are divided by",
      within: .leastNonzeroMagnitude ... .infinity),
    Setting(
      "distill.stages.share", \.distill.stages.share,
      "term stages: share of the deepest classifier in a shallow one's loss; labels have the rest",
      within: 0...1),
    Setting(
      "distill.stages.hint", \.distill.stages.hint,
      "term stages: weight of the distance to the deepest features",
      within: 0 ... .infinity),
    Setting(
      "distill.stages.temperature", \.distill.stages.temperature, "term stages: what logits are divided by",
      within: .leastNonzeroMagnitude ... .infinity),
    Setting(
      "distill.peers.networks", \.distill.peers.networks,
      "term peers: architectures that learn beside the student, [same, mobilenet_v2] say"),
    Setting(
      "distill.peers.temperature", \.distill.peers.temperature, "term peers: what logits are divided by",
      within: .leastNonzeroMagnitude ... .infinity),
  ]
}
