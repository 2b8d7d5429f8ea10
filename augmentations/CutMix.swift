import EmanateImages
import EmanateKernels

/// Replaces a rectangle of each image by its partner's, and mixes labels by area (Yun et al. 2019, "CutMix",
/// arXiv:1905.04899, section 3.2), as torchvision's `v2.CutMix` does.
///
/// The rectangle's centre is uniform in the image, so it may be cut at the edges; λ is then the share that is
/// left (timm's `correct_lam`).
public struct CutMix: BatchMixing {
  /// `cutmix`.
  public static let name = "cutmix"
  /// α of λ's distribution, Beta(α, α).
  public let alpha: Double

  /// Rectangles of 1 - λ of the area, λ from Beta(`alpha`, `alpha`); `alpha` is above 0.
  public init(alpha: Double = 1) {
    precondition(alpha > 0 && alpha.isFinite, "CutMix: alpha \(alpha) is not above 0")
    self.alpha = alpha
  }

  /// A rectangle, and the share that it leaves.
  public func draw(side: Int, using generator: inout KeyedGenerator) -> Mixture {
    let share = generator.beta(alpha, alpha)
    let x = generator.index(below: side)
    let y = generator.index(below: side)
    return Self.mixture(share: share, x: x, y: y, side: side)
  }

  /// The rectangle of 1 - `share` of the area around (x, y), cut at the edges of `side` x `side` pixels.
  package static func mixture(share: Double, x: Int, y: Int, side: Int) -> Mixture {
    let half = Int(0.5 * (1 - share).squareRoot() * Double(side))
    let (left, top) = (max(x - half, 0), max(y - half, 0))
    let (right, bottom) = (min(x + half, side), min(y + half, side))
    let box = PixelRectangle(x: left, y: top, width: right - left, height: bottom - top)
    return Mixture(share: 1 - Double(box.width * box.height) / Double(side * side), box: box)
  }
}
