import EmanateKernels

/// Adds images and labels in shares λ and 1 - λ, λ from Beta(α, α) (Zhang et al. 2018, "mixup: Beyond
/// Empirical Risk Minimization", arXiv:1710.09412).
///
/// One λ a batch, as in torchvision's `v2.MixUp`, whose α is 1 unless said otherwise. timm pairs the batch
/// with itself in reverse order; for shuffled batches that is the same.
public struct Mixup: BatchMixing {
  /// `mixup`.
  public static let name = "mixup"
  /// α: 0.2 mixes little, 1 draws λ uniformly.
  public let alpha: Double

  /// Shares from Beta(`alpha`, `alpha`); `alpha` is above 0.
  public init(alpha: Double = 1) {
    precondition(alpha > 0 && alpha.isFinite, "Mixup: alpha \(alpha) is not above 0")
    self.alpha = alpha
  }

  /// A share for every pixel.
  public func draw(side: Int, using generator: inout KeyedGenerator) -> Mixture {
    Mixture(share: generator.beta(alpha, alpha))
  }
}
