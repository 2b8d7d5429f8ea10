import EmanateTensors

/// Images made on one classifier to be tried on another (Papernot et al. 2016, arXiv:1605.07277): whoever only hides its
/// gradient from an attack falls to those that were made elsewhere.
///
/// They are made by PGD on the logits' margin, each start to its end, so that a source whose own softmax saturates makes
/// them as well as another.
public struct TransferAttack: Attack {
  private let pgd: PGD

  /// An attack in the L∞ ball of `options`.
  public init(_ options: AttackOptions) { pgd = PGD(.linf, .margin, options, stopsWhenMisread: false) }

  /// The images that the source misreads most.
  public func callAsFunction(
    _ images: Tensor, labels: [Int], samples: [Int], on network: any AttackedNetwork
  ) -> Tensor {
    pgd(images, labels: labels, samples: samples, on: network)
  }
}
