import EmanateAutograd
import EmanateTensors

/// BYOL's objective (Grill et al. 2020, arXiv:2006.07733, eq. 2): the squared distance of normalised
/// predictions to the normalised target projections of another view, 2 − 2 cos.
///
/// With two views it is the paper's symmetric sum, view 1 to target 2 plus view 2 to target 1, as a mean over
/// images; with more, twice the mean over all pairs of different views, so that it stays between 0 and 8 and
/// its gradient as large. Norms are cut as the authors' code cuts them: x · rsqrt(max(Σ x², 1e-12)).
public struct BYOLLoss: Sendable {
  /// 2 · mean of (2 − 2 cos); the authors cut squares at 1e-12, so norms at its root.
  private let cosines = ViewCosines(epsilon: 1e-6, offset: 4, slope: -4)

  /// The loss has no settings.
  public init() {}

  /// predictions: [V·B, D] of the online network, targets: [G·B, D] projections of the target network, view
  /// by view -> [1]. The first G views of the predictions are the targets' views; no view is compared with
  /// itself.
  public func callAsFunction(_ predictions: consuming Variable, targets: Tensor, targetViews: Int) -> Variable
  {
    cosines(predictions, targets: targets, views: targetViews, name: "BYOL loss")
  }
}
