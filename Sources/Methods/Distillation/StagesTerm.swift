import EmanateAutograd
import EmanateNetworks
import EmanateObjectives
import EmanateTensors

/// Be your own teacher (Zhang et al. 2019, arXiv:1905.08094): a classifier behind each stage but the last, which learns
/// from labels and from the deepest classifier. They are left behind with the connectors.
///
/// A stage is what computes maps of one size. Its output goes through a convolution of side 3 for each later stage, as
/// wide as that one and of its stride, to the deepest map's size (the paper's bottleneck), and is averaged.
struct StagesTerm: DistillationTerm {
  private let classifiers: [ShallowClassifier]
  private let loss: ShallowClassifierLoss

  /// Each shallow classifier asks the site's scope for its parameters.
  init(_ site: TermSite) throws(TermMisfit) {
    try site.needClasses("its classifiers tell classes apart")
    let network = site.configuration.network
    let stages = LayerListing(network.chosen, side: network.side).stages
    guard stages.count > 1 else {
      throw TermMisfit(
        reason: "it puts classifiers behind stages whose maps become smaller, and \(site.student) has "
          + (stages.isEmpty
            ? "no maps but tokens: a network of convolutions has stages"
            : "one size of maps for images of \(network.side) pixels"))
    }
    let settings = site.configuration.distill.stages
    loss = ShallowClassifierLoss(
      share: Float(settings.share), hint: Float(settings.hint), temperature: Float(settings.temperature),
      labelsLoss: site.labelsLoss)
    classifiers = stages.indices.dropLast().map { index in
      ShallowClassifier(
        site.scope.scope("\(index)"), stages: Array(stages[index...]), width: site.studentWidth,
        classes: site.classes)
    }
  }

  var studentLayers: [String] { classifiers.map(\.path) }

  /// The sum over the shallow classifiers.
  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let logits = batch.logits else { preconditionFailure("StagesTerm: a student without logits") }
    let losses = classifiers.map { classifier in
      guard let map = pass.layer(classifier.path) else {
        preconditionFailure("StagesTerm: `\(classifier.path)` was not kept")
      }
      return loss(
        shallow: classifier(map, pass), deepest: (logits.value, batch.features.value), labels: batch.labels)
    }
    return losses.dropFirst().reduce(losses[0]) { add($0, $1) }
  }
}

/// What stands behind one stage: convolutions down to the deepest map's size, the mean over places, a linear layer.
private struct ShallowClassifier {
  let path: String
  private let steps: [(convolution: Convolution, norm: BatchNorm)]
  private let connector: Linear?
  private let layer: Linear

  /// Behind the first of `stages`, for features of the deepest one's `width`.
  init(_ scope: ParameterScope, stages: [LayerListing.Layer], width: Int, classes: Int) {
    path = stages[0].path
    steps = zip(stages, stages.dropFirst()).enumerated().map { number, pair in
      let (from, to) = pair
      let stride = (from.shape[0] + to.shape[0] - 1) / to.shape[0]
      let place = scope.scope("steps").scope("\(number)")
      return (
        Convolution(
          place.scope("convolution"), from: from.shape[2], to: to.shape[2], side: 3, stride: max(1, stride)),
        BatchNorm(place.scope("norm"), channels: to.shape[2])
      )
    }
    let channels = stages[stages.count - 1].shape[2]
    connector = channels == width ? nil : Linear(scope.scope("features"), from: channels, to: width)
    layer = Linear(scope.scope(Classifier.name), from: width, to: classes)
  }

  /// x: [B, H, W, C] -> logits [B, K] and features [B, D].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> ShallowClassifierLoss.Outputs<Variable> {
    var map = FeatureMap(x)
    for step in steps { map = step.norm(step.convolution(map, pass), pass, .relu) }
    let mean = globalAverage(materialized(map))
    let features = connector.map { $0(mean, pass) } ?? mean
    return (layer(features, pass), features)
  }
}

extension LayerListing {
  /// The last layer of each size of maps, the largest first; none where layers give tokens.
  var stages: [Layer] {
    if layers.contains(where: { $0.shape.count != 3 }) { return [] }
    return layers.indices.filter { index in
      index + 1 == layers.count || layers[index].shape.prefix(2) != layers[index + 1].shape.prefix(2)
    }.map { layers[$0] }
  }
}
