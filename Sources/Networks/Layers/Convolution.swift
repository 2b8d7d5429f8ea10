import EmanateAutograd
import EmanateTensors

/// A convolution without bias, followed by a batch normalisation wherever one is used here.
public struct Convolution: Sendable {
  /// [O, C, S, S], or [C, 1, S, S] where each channel is convolved by itself.
  public let weight: Parameter
  let stride, padding: Int
  let isDepthwise: Bool

  /// Borders of (side − 1) / 2 zeros, so that stride 1 keeps the size of the image.
  public init(
    _ scope: ParameterScope, from inputs: Int, to outputs: Int, side: Int, stride: Int = 1,
    isDepthwise: Bool = false, initialization: Initialization? = nil
  ) {
    precondition(!isDepthwise || inputs == outputs, "Convolution: depthwise from \(inputs) to \(outputs) channels")
    // He et al. 2015 (arXiv:1502.01852), fan out, gain √2: torchvision's choice for its residual and mobile networks.
    let fanOut = side * side * (isDepthwise ? 1 : outputs)
    weight = scope.parameter(
      "weight", [outputs, isDepthwise ? 1 : inputs, side, side],
      initialization ?? .normal(std: (2 / Float(fanOut)).squareRoot()))
    (self.stride, padding, self.isDepthwise) = (stride, (side - 1) / 2, isDepthwise)
  }

  /// x: [B, H, W, C] -> [B, H', W', O], with moments where the pass normalises with them.
  public func callAsFunction(_ x: FeatureMap, _ pass: Pass) -> FeatureMap {
    let moments = pass.statistics == .batch
    return isDepthwise
      ? depthwiseConvolution(x, pass[weight], stride: stride, padding: padding, moments: moments)
      : convolution(x, pass[weight], stride: stride, padding: padding, moments: moments)
  }
}

/// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) with PyTorch's running averages: mean, and unbiased
/// variance, each moving a tenth of the way to the batch's.
public struct BatchNorm: Sendable {
  /// Gains and biases, [C] each.
  public let weight, bias: Parameter
  /// Averages over the batches seen, [C] each.
  public let runningMean, runningVariance: NetworkBuffer
  private let epsilon, share: Float

  /// Gains 1 and biases 0, mean 0 and variance 1.
  public init(
    _ scope: ParameterScope, channels: Int, epsilon: Float = 1e-5, share: Float = 0.1,
    gain: Initialization = .ones
  ) {
    weight = scope.parameter("weight", [channels], gain)
    bias = scope.parameter("bias", [channels], .zeros)
    runningMean = scope.buffer("running_mean", [channels], 0)
    runningVariance = scope.buffer("running_var", [channels], 1)
    (self.epsilon, self.share) = (epsilon, share)
  }

  /// x: [B, H, W, C], as its maker left it with its moments; the result is pending.
  public func callAsFunction(
    _ x: FeatureMap, _ pass: Pass, _ activation: ChannelActivation = .none
  ) -> FeatureMap {
    let (weight, bias) = (pass[weight], pass[bias])
    let normalized: FeatureMap
    switch pass.statistics {
    case .batch:
      guard let moments = x.moments else {
        preconditionFailure("BatchNorm: a map of shape \(x.shape) comes without its moments")
      }
      note(moments, of: x.shape.rows, pass)
      normalized = x.normalized(statistics: moments, isOwn: true, weight: weight, bias: bias, epsilon: epsilon)
    case .running:
      let statistics = concatenated([Variable(pass[runningMean]), Variable(pass[runningVariance])]).value
      normalized = x.normalized(
        statistics: statistics, isOwn: false, weight: weight, bias: bias, epsilon: epsilon)
    }
    if case .none = activation { return normalized }
    return normalized.activated(activation)
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
