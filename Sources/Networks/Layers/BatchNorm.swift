import EmanateAutograd
import EmanateTensors

/// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) with PyTorch's running averages: mean, and unbiased
/// variance, each moving a tenth of the way to the batch's.
public struct BatchNorm: Sendable {
  /// Gains and biases, [C] each; none where the numbers are only normalised.
  public let affine: (weight: Parameter, bias: Parameter)?
  /// Averages over the batches seen, [C] each.
  public let runningMean, runningVariance: NetworkBuffer
  let epsilon: Float
  private let share: Float

  /// What is added to a variance, and how much of the way running averages move; PyTorch's defaults.
  public struct Options: Sendable {
    /// What is added to a variance.
    public var epsilon: Float = 1e-5
    /// The share of a batch's statistics in the new averages.
    public var share: Float = 0.1
    /// ε 1e-5, a tenth of the way.
    public init(epsilon: Float = 1e-5, share: Float = 0.1) { (self.epsilon, self.share) = (epsilon, share) }
  }

  /// Gains 1 and biases 0, mean 0 and variance 1.
  public init(
    _ scope: ParameterScope, channels: Int, _ options: Options = Options(), isAffine: Bool = true
  ) {
    affine =
      isAffine
      ? (scope.parameter("weight", [channels], .ones), scope.parameter("bias", [channels], .zeros)) : nil
    runningMean = scope.buffer("running_mean", [channels], 0)
    runningVariance = scope.buffer("running_var", [channels], 1)
    (epsilon, share) = (options.epsilon, options.share)
  }

  /// x: [B, H, W, C], as its maker left it with its moments; the result is pending.
  public func callAsFunction(
    _ x: FeatureMap, _ pass: Pass, _ activation: ChannelActivation = .none
  ) -> FeatureMap {
    let channels = x.shape[3]
    let weight = affine.map { pass[$0.weight] } ?? Variable(Tensor(repeating: 1, [channels]))
    let bias = affine.map { pass[$0.bias] } ?? Variable(Tensor(repeating: 0, [channels]))
    let normalized: FeatureMap
    switch pass.statistics {
    case .batch:
      guard let moments = x.moments else {
        preconditionFailure("BatchNorm: a map of shape \(x.shape) comes without its moments")
      }
      note(moments, of: x.shape.rows, pass)
      normalized = x.normalized(
        statistics: moments, isOwn: true, weight: weight, bias: bias, epsilon: epsilon)
    case .running:
      let statistics = concatenated([Variable(pass[runningMean]), Variable(pass[runningVariance])]).value
      normalized = x.normalized(
        statistics: statistics, isOwn: false, weight: weight, bias: bias, epsilon: epsilon)
    }
    if case .none = activation { return normalized }
    return normalized.activated(activation)
  }

  /// x: [N, D], rows of a head -> [N, D], with the activation done.
  func rows(_ x: Variable, _ pass: Pass, _ activation: ChannelActivation) -> Variable {
    let map = FeatureMap(x.reshaped([x.shape[0], 1, 1, x.shape[1]]))
    return materialized(self(pass.statistics == .batch ? map.measured() : map, pass, activation)).reshaped(
      x.shape)
  }

  /// Notes the batch's moments, [2, C] over `count` numbers a channel.
  private func note(_ moments: Tensor, of count: Int, _ pass: Pass) {
    var variance = moments[rows: 1..<2].copied()
    let unbiased = Float(count) / Float(max(1, count - 1))
    variance.withMutableElements { for i in $0.indices { $0[i] *= unbiased } }
    pass.note(runningMean, movesTo: moments[rows: 0..<1], share: share)
    pass.note(runningVariance, movesTo: variance, share: share)
  }
}
