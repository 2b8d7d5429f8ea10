import EmanateAugmentations
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation

/// A network, with its classifier if it has one, as ONNX operators and what a user of the file has to know.
public struct NetworkExport {
  /// What the file's images are.
  public enum Images: String, Sendable, CaseIterable {
    /// Red, green and blue from 0 to 1; the network normalises them itself.
    case levels
    /// (level − mean) / deviation, by the metadata.
    case normalized
  }

  /// All nodes and numbers. Outputs are `logits` [B, C] where there is a classifier, then `features` [B, D].
  public let graph: NetworkGraph
  /// Sizes of the architecture, `side`, `crop`, `mean`, `std`, `input`, and `classes`, a JSON list of names.
  public let metadata: [String: String]
  /// How to prepare images, and what comes out, in words.
  public let description: String

  /// A backbone: its output is `features`.
  ///
  /// - Throws: `WeightsError.notDrawn` for a backbone that cannot be written as ONNX operators.
  public init(_ network: FrozenNetwork, images: Images = .levels) throws(WeightsError) {
    try self.init(network, nil, images)
  }

  /// A backbone with its classifier: outputs are `logits` and `features`.
  ///
  /// - Throws: `WeightsError.notDrawn` for a backbone that cannot be written as ONNX operators.
  public init(_ classifier: FrozenClassifier, images: Images = .levels) throws(WeightsError) {
    try self.init(classifier.network, classifier, images)
  }

  private init(
    _ network: FrozenNetwork, _ classifier: FrozenClassifier?, _ images: Images
  ) throws(WeightsError) {
    let (graph, preparation) = (try network.emptyGraph(), network.preparation)
    var input = graph.images
    if images == .levels {
      let (mean, std) = (preparation.normalization.mean, preparation.normalization.std)
      for (operation, name, numbers) in [("Sub", "mean", mean), ("Div", "std", std)] {
        let constant = graph.constant(Tensor(numbers.map { Float($0) }, [1, 3, 1, 1]), named: name)
        input = graph.binary(operation, input, constant)
      }
    }
    let features = try network.draw(input, in: graph)
    var metadata = network.architecture.metadata
    if let classifier {
      _ = graph.output(classifier.draw(features, in: graph), named: "logits")
      metadata["classes"] = NetworkReader.text(ofClasses: classifier.classes)
    }
    _ = graph.output(features, named: "features")
    metadata["side"] = "\(network.side)"
    metadata["crop"] = "\(preparation.crop)"
    metadata["mean"] = "\(preparation.normalization.mean)"
    metadata["std"] = "\(preparation.normalization.std)"
    metadata["input"] = images.rawValue
    (self.graph, self.metadata) = (graph, metadata)
    description = Self.description(network, images, classes: classifier?.classes.count)
  }

  /// Writes the file.
  public func write(to path: String) throws(ONNXError) {
    try ONNXFile.write(graph, description: description, metadata: metadata, to: path)
  }

  private static func description(_ network: FrozenNetwork, _ images: Images, classes: Int?) -> String {
    let (side, preparation) = (network.side, network.preparation)
    let short = EvaluationTransform(side: side, preparation).short
    let numbers =
      images == .levels
      ? "RGB levels from 0 to 1" : "RGB levels from 0 to 1, less `mean`, over `std` of the metadata"
    let outputs =
      (classes.map { "`logits` [batch, \($0)] and " } ?? "") + "`features` [batch, \(network.width)]"
    return """
      \(network.architecture.summary). `images` [batch, 3, \(side), \(side)]: the short side resized to \(short) pixels \
      (bicubic, antialiased), the middle \(side) x \(side) cut out, \(numbers). Gives \(outputs).
      """
  }
}

extension FrozenNetwork {
  /// A graph over this network's numbers, without nodes.
  fileprivate func emptyGraph() throws(WeightsError) -> NetworkGraph {
    try NetworkGraph(drawn.store, side: side)
  }

  /// Draws the backbone: normalised images [B, 3, S, S] -> [B, D].
  fileprivate func draw(
    _ images: NetworkGraph.Value, in graph: NetworkGraph
  ) throws(WeightsError) -> NetworkGraph.Value {
    try drawn.backbone.features(images, graph)
  }
}
