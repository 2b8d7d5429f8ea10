import EmanateAugmentations
import EmanateAutograd
import EmanateData
import EmanateImages
import EmanateNetworks
import EmanateTensors

/// A network with its classifier that is only read from: a score for each of its named classes.
public struct FrozenClassifier {
  /// The backbone, and how images are prepared for it.
  public var network: FrozenNetwork
  /// The classes' names, in the logits' order.
  public let classes: [String]
  private let layer: Linear
  private let store: ParameterStore

  /// The linear layer `weight` [C, D], `bias` [C] behind a backbone.
  public init(_ network: FrozenNetwork, weight: Tensor, bias: Tensor, classes: [String]) {
    precondition(
      weight.shape == [classes.count, network.width] && bias.shape == [classes.count],
      "FrozenClassifier: weight \(weight.shape), bias \(bias.shape), \(classes.count) classes")
    let scope = ParameterScope()
    layer = Linear(scope.scope(Classifier.name), from: network.width, to: classes.count)
    store = ParameterStore(scope)
    store.set(layer.weight, to: weight)
    store.set(layer.bias, to: bias)
    (self.network, self.classes) = (network, classes)
  }

  /// The network that is being trained, its numbers as they are now, copied; nil if it has no classifier of that name.
  public init?(
    copying trained: ParameterStore, _ architecture: any Architecture, classes: [String], side: Int,
    preparation: ImagePreparation, decoder: ImageDecoder = ImageDecoder()
  ) {
    guard let weight = trained.parameter(named: Classifier.name + ".weight"),
      let bias = trained.parameter(named: Classifier.name + ".bias")
    else { return nil }
    self.init(
      FrozenNetwork(
        copying: trained, architecture, side: side, preparation: preparation, decoder: decoder),
      weight: trained[weight], bias: trained[bias], classes: classes)
  }

  /// patches: [B, P, 3·patch²] -> logits [B, C].
  public func logits(_ patches: Tensor) -> Tensor { logits(ofFeatures: network.features(patches)) }

  /// features: [B, D] -> logits [B, C].
  public func logits(ofFeatures features: Tensor) -> Tensor {
    layer(Variable(features), Pass(store, mode: .evaluation, precision: network.precision)).value
  }

  /// patches: [B, P, 3·patch²], tracked or not -> logits [B, C]; the weights are constants.
  package func logits(_ patches: Variable) -> Variable {
    layer(network.features(patches), Pass(store, mode: .evaluation, precision: network.precision))
  }

  /// Draws the layer: features [B, D] -> logits [B, C].
  func draw(_ features: NetworkGraph.Value, in graph: NetworkGraph) -> NetworkGraph.Value {
    let names = [layer.weight, layer.bias].map { graph.constant(store[$0], named: $0.name) }
    return graph.linear(features, weight: names[0], bias: names[1], outputs: classes.count)
  }

  /// The number of weights, the classifier's among them.
  public var parameterCount: Int { network.parameterCount + store.parameterCount }

  /// Bytes of its weights and buffers as float32, without a file's header.
  public var byteCount: Int {
    4 * (network.shapes.values.reduce(0) { $0 + $1.count } + store.parameterCount)
  }

  /// 16 hexadecimal digits that stand for what it computes, its classes among them.
  package var fingerprint: String {
    var hash = network.hash
    hash.add(classes.joined(separator: "\n"))
    hash.add(store)
    return hash.digits
  }

  /// The class of every image of a folder as a place in `classes`.
  ///
  /// - Throws: `ClassesError` if the folder's classes are not exactly these, `ImageFolderError` if an image has none.
  public func labels(of folder: ImageFolder) throws -> [Int] {
    try ClassesError.check(folder, against: classes)
    return try folder.labels(among: classes)
  }
}

/// The classes of a folder are not those of the network.
public struct ClassesError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The folder.
  public let path: String
  /// Its classes, and the network's.
  public let found, known: [String]

  /// A folder's classes, and those that are known.
  public init(path: String, found: [String], known: [String]) {
    (self.path, self.found, self.known) = (path, found, known)
  }

  /// Throws where a folder's classes are not exactly those that are known.
  public static func check(_ folder: ImageFolder, against known: [String]) throws(ClassesError) {
    if Set(folder.classes) != Set(known) {
      throw ClassesError(path: folder.roots.joined(separator: ", "), found: folder.classes, known: known)
    }
  }

  /// Both lists.
  public var description: String {
    func list(_ names: [String]) -> String {
      names.isEmpty
        ? "none" : names.prefix(100).joined(separator: ", ") + (names.count > 100 ? ", ..." : "")
    }
    return "\(path): its \(found.count) classes are not the network's \(known.count)"
      + "\n  the folder's:  \(list(found))\n  the network's: \(list(known))"
  }
}
