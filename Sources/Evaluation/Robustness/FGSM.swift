import EmanateTensors

/// One step along the sign of the loss's gradient (Goodfellow et al. 2015, arXiv:1412.6572, section 4): the optimum in an
/// L∞ ball of a classifier that is linear there.
public struct FGSM: Attack {
  /// How far every level moves.
  public let epsilon: Double
  /// What is climbed.
  public let loss: AttackLoss

  /// A step of `epsilon`, in levels 0...1.
  public init(epsilon: Double, loss: AttackLoss = .crossEntropy) {
    precondition(epsilon >= 0, "FGSM: epsilon \(epsilon)")
    (self.epsilon, self.loss) = (epsilon, loss)
  }

  /// clip(x + ε · sign ∂loss/∂x) to 0...1.
  public func callAsFunction(
    _ images: Tensor, labels: [Int], samples: [Int], on network: any AttackedNetwork
  ) -> Tensor {
    let gradient = network.gradient(images) { loss.slopes($0, labels) }.gradient.array
    let epsilon = Float(epsilon)
    let moved = zip(images.array, gradient).map { level, slope in
      slope == 0 ? level : min(1, max(0, level + (slope > 0 ? epsilon : -epsilon)))
    }
    return Tensor(moved, images.shape)
  }
}
