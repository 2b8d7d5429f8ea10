import EmanateAutograd
import EmanateData
import EmanateTensors

/// A linear classifier on frozen features, trained as DINO trains it (eval_linear.py), once for each of
/// several learning rates.
///
/// SGD with momentum 0.9 and without weight decay, cosine steps per epoch to 0, weights drawn from N(0,
/// 0.01), biases 0. Features are taken as they are, not standardised. Where DINO augments and names one rate,
/// this trains on features extracted once and tries several rates together, as DINOv2 does (Oquab et al.
/// 2023, arXiv:2304.07193): the best on a held-out part of the training set is then trained anew on all of
/// it.
public struct LinearProbe: Sendable {
  /// What decides how a probe is trained.
  public struct Options: Sendable, Hashable {
    /// Passes over the training features.
    public var epochs = 100
    /// Rows in a step.
    public var batchSize = 128
    /// The rates tried, per 256 rows: a step's rate is this times `batchSize` / 256. Our choice; DINO's is
    /// 0.001.
    public var learningRates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]
    /// SGD's momentum.
    public var momentum: Float = 0.9
    /// The share of each class that chooses the rate.
    public var heldOutShare = 0.1
    /// Keys the held-out part, the first weights and the order of the rows.
    public var seed: UInt64 = 0

    /// The defaults.
    public init() {}
  }

  /// A learning rate and how it did on the held-out part.
  public struct Trial: Sendable, Hashable {
    /// The rate per 256 rows.
    public let learningRate: Double
    /// Accuracy on the held-out rows.
    public let accuracy: Accuracy
  }

  /// The classifier's weight, [C, D].
  public let weight: Tensor
  /// The classifier's bias, [C].
  public let bias: Tensor
  /// The chosen rate per 256 rows.
  public let learningRate: Double
  /// Every rate that was tried, in the order given.
  public let trials: [Trial]

  /// Trains on features [N, D] with a label in 0..<classes each; at least one class must have two rows.
  ///
  /// `progress` is told the epochs done, of twice `options.epochs`.
  public init(
    features: Tensor, labels: [Int], classes: Int, options: Options = Options(),
    progress: (Int) -> Void = { _ in }
  ) throws(LinearProbeError) {
    precondition(
      features.shape.rank == 2 && features.shape[0] == labels.count,
      "LinearProbe: \(labels.count) labels for features \(features.shape)")
    precondition(!options.learningRates.isEmpty, "LinearProbe: no learning rate to try")
    let split = Split(labels: labels, testShare: options.heldOutShare, seed: options.seed)
    if split.test.isEmpty { throw .nothingToHoldOut(rows: labels.count) }

    let (seen, seenLabels) = (features.gathering(split.train), split.train.map { labels[$0] })
    let (held, heldLabels) = (features.gathering(split.test), split.test.map { labels[$0] })
    let width = features.shape[1]
    var heads = ProbeHeads(width: width, classes: classes, rates: options.learningRates, options)
    heads.train(seen, seenLabels, progress: progress)
    let accuracies = heads.accuracies(held, heldLabels)
    trials = zip(options.learningRates, accuracies).map { Trial(learningRate: $0, accuracy: $1) }
    // The first of the best: the lowest rate where several do equally well.
    let best = trials.reduce(trials[0]) { $1.accuracy.top1 > $0.accuracy.top1 ? $1 : $0 }
    learningRate = best.learningRate

    var chosen = ProbeHeads(width: width, classes: classes, rates: [learningRate], options)
    chosen.train(features, labels) { progress(options.epochs + $0) }
    (weight, bias) = (chosen.weight, chosen.bias)
    guard weight.isFinite && bias.isFinite else { throw .notFinite(learningRate: learningRate) }
  }

  /// The classes' scores: features [M, D] -> [M, C].
  public func logits(_ features: Tensor) -> Tensor {
    linear(Variable(features), Variable(weight), Variable(bias)).value
  }

  /// How often the labels of features [M, D] are found.
  public func accuracy(features: Tensor, labels: [Int]) -> Accuracy {
    accuracies(of: logits(features), heads: 1, labels)[0]
  }
}

/// Why no probe could be trained.
public enum LinearProbeError: Error, Hashable, CustomStringConvertible {
  /// No class has two rows, so none can be held out to choose the learning rate.
  case nothingToHoldOut(rows: Int)
  /// The weights grew past what float32 holds.
  case notFinite(learningRate: Double)

  /// The failure in words.
  public var description: String {
    switch self {
    case .nothingToHoldOut(let rows):
      "\(rows) training images, and no class with two of them: none can be held out to choose the learning rate"
    case .notFinite(let rate): "the linear probe's weights are not finite at learning rate \(rate)"
    }
  }
}
