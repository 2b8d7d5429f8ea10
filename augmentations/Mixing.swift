import EmanateImages
import EmanateKernels

/// What mixes each image of a batch with another, and their labels in the same shares: `Mixup` and `CutMix`.
public protocol BatchMixing: Sendable {
  /// What configurations call it.
  static var name: String { get }
  /// The mixing whose shares come from Beta(`alpha`, `alpha`); `alpha` is above 0.
  init(alpha: Double)
  /// Draws how a batch of images of `side` x `side` pixels is mixed.
  func draw(side: Int, using generator: inout KeyedGenerator) -> Mixture
}

/// One draw: what each image of a batch keeps of itself and takes from its partner, the image before it (the
/// first one's is the last), as torchvision's v2 transforms pair them.
public struct Mixture: Sendable, Equatable {
  /// λ, the image's own share of the label, 0...1; its partner's is 1 - λ.
  public let share: Double
  /// The pixels that are the partner's; nil where every pixel is mixed, in the labels' shares.
  public let box: PixelRectangle?

  /// A mixture of every pixel, or with a box of some.
  public init(share: Double, box: PixelRectangle? = nil) {
    precondition((0...1).contains(share), "Mixture: a share of \(share)")
    self.share = share
    self.box = box
  }
}
