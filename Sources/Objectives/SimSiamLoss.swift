import EmanateAutograd
import EmanateTensors

/// SimSiam's objective (Chen and He 2021, arXiv:2011.10566, eqs. 1 to 4): ½ D(p₁, z₂) + ½ D(p₂, z₁), D being
/// the negative cosine and z a constant; between −1 and 1.
///
/// It is BYOL's loss L through (L − 4) / 4, the mean over all pairs of different views where there are more
/// than two. Norms are cut at 1e-8, as PyTorch's `CosineSimilarity` does in the authors' code.
public struct SimSiamLoss: Sendable {
  private let cosines = ViewCosines(epsilon: 1e-8, offset: 0, slope: -1)

  /// The loss has no settings.
  public init() {}

  /// predictions: [V·B, D], projections: [G·B, D], view by view -> [1]. The first G views of the predictions
  /// are the projections' views; no view is compared with itself.
  public func callAsFunction(_ predictions: consuming Variable, projections: Tensor, projectedViews: Int)
    -> Variable
  {
    cosines(predictions, targets: projections, views: projectedViews, name: "SimSiam loss")
  }
}
