import EmanateAutograd
import EmanateTensors

/// A backbone with a projector and a predictor: BYOL's online network (Grill et al. 2020, arXiv:2006.07733, figure 2).
public struct PredictingEncoder: Sendable {
  /// What makes a feature row of an image.
  public let backbone: any Backbone
  /// What makes a projection of a feature row, and a guess at another view's projection of a projection.
  public let projector, predictor: MLPHead

  /// Asks `scope` for the backbone's parameters, then for those under `projector.` and `predictor.`.
  public init(
    _ scope: ParameterScope, backbone: any Backbone, projector: [MLPHead.Layer], predictor: [MLPHead.Layer]
  ) {
    precondition(
      projector.last?.outputs == predictor.last?.outputs && !projector.isEmpty,
      "PredictingEncoder: projections and predictions differ in width")
    self.backbone = backbone
    self.projector = MLPHead(scope.scope("projector"), from: backbone.width, projector)
    self.predictor = MLPHead(scope.scope("predictor"), from: projector.last!.outputs, predictor)
  }

  /// Projections of all views, view by view, each view a batch of its own for batch normalisations: for every group of
  /// [V·B, P, 3·patch²] -> V values of [B, D]. `seen` is shown the features they are made of, in the same order.
  public func projections(
    _ groups: [Tensor], images: Int, _ pass: Pass, seen: (Tensor) -> Void = { _ in }
  ) -> [Variable] {
    var first = 0
    var projections: [Variable] = []
    for group in groups {
      let views = group.shape[0] / images
      let ranges = (0..<views).map { $0 * images..<($0 + 1) * images }
      if backbone.normalizesBatches {
        for range in ranges {
          let features = backbone.features(group[rows: range], first: first, pass)
          seen(features.value)
          projections.append(projector(features, pass))
          first += images
        }
      } else {
        let features = backbone.features(group, first: first, pass)
        seen(features.value)
        projections += ranges.map { projector(views == 1 ? features : sliced(features, rows: $0), pass) }
        first += group.shape[0]
      }
    }
    return projections
  }

  /// Predictions, each from its projection: [B, D] -> [B, D].
  public func predictions(_ projections: [Variable], _ pass: Pass) -> [Variable] {
    projections.map { predictor($0, pass) }
  }
}
