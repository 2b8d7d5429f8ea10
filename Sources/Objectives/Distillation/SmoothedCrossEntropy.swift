import EmanateAutograd
import EmanateTensors

/// Cross-entropy with smoothed labels (Szegedy et al. 2016, arXiv:1512.00567, section 7): a share of every
/// label is spread over classes.
public struct SmoothedCrossEntropy: Sendable {
  /// Over which classes the share ε is spread.
  public enum Convention: Hashable, Sendable {
    /// 1 − ε for the true class, ε/(C − 1) for each other one.
    case others
    /// 1 − ε + ε/C for the true class, ε/C for each other one: the paper's with equal priors, and PyTorch's
    /// `label_smoothing`.
    case all
  }

  /// The share that is spread, ε.
  public let smoothing: Float
  /// Over which classes it is spread.
  public let convention: Convention

  /// A share in [0, 1) and over which classes it is spread.
  public init(_ smoothing: Float = 0.1, convention: Convention = .others) {
    precondition(0..<1 ~= smoothing, "SmoothedCrossEntropy: \(smoothing) is not in [0, 1)")
    (self.smoothing, self.convention) = (smoothing, convention)
  }

  /// logits: [N, C], labels: N classes, nil where there is none -> [1], the mean over the rows with a
  /// label, in nats; 0 if no row has one.
  public func callAsFunction(_ logits: consuming Variable, labels: [Int?]) -> Variable {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    precondition(
      labels.count == rows && classes >= 2 && labels.allSatisfy { $0.map { 0..<classes ~= $0 } ?? true },
      "SmoothedCrossEntropy: logits \(logits.shape), \(labels.count) labels")
    let counted = labels.count { $0 != nil }
    let (other, own) = shares(classes: classes)
    return crossEntropy(logits, temperature: 1, tasks: rows, name: "smoothed cross-entropy") { row, compare in
      let target = Tensor(repeating: other, [classes])
      if let label = labels[row] { target.pointer[label] = own }
      compare(row, target.pointer, 1, labels[row] == nil ? 0 : 1 / Float(counted))
      withExtendedLifetime(target) {}
    }
  }

  /// logits: [N, C], probabilities: [N, C] with rows that sum to 1, labels mixed by Mixup, say -> [1]; each
  /// row is smoothed as the same mixture of labels would be. Logits are divided by the temperature.
  public func callAsFunction(
    _ logits: consuming Variable, probabilities: Tensor, temperature: Float = 1
  ) -> Variable {
    SoftCrossEntropy(temperature: temperature)(logits, probabilities: smoothed(probabilities))
  }

  /// probabilities: [N, C] with rows that sum to 1 -> the smoothed ones, [N, C].
  public func smoothed(_ probabilities: Tensor) -> Tensor {
    let (other, own) = shares(classes: probabilities.shape[-1])
    return Tensor(probabilities.array.map { other + (own - other) * $0 }, probabilities.shape)
  }

  private func shares(classes: Int) -> (other: Float, own: Float) {
    switch convention {
    case .others: (smoothing / Float(classes - 1), 1 - smoothing)
    case .all: (smoothing / Float(classes), 1 - smoothing + smoothing / Float(classes))
    }
  }
}
