import EmanateAutograd
import EmanateTensors

/// A convolution without bias, followed by a batch normalisation wherever one is used here.
public struct Convolution: Sendable {
  /// [O, C, S, S], or [C, 1, S, S] where each channel is convolved by itself.
  public let weight: Parameter
  let stride, padding: Int
  let isDepthwise: Bool

  /// Borders of (side − 1) / 2 zeros unless told otherwise, so that stride 1 keeps the size of the image.
  public init(
    _ scope: ParameterScope, from inputs: Int, to outputs: Int, side: Int, stride: Int = 1,
    isDepthwise: Bool = false, padding: Int? = nil, initialization: Initialization? = nil
  ) {
    precondition(
      !isDepthwise || inputs == outputs, "Convolution: depthwise from \(inputs) to \(outputs) channels")
    // He et al. 2015 (arXiv:1502.01852), fan out, gain √2: torchvision's choice for its residual and mobile networks.
    let fanOut = side * side * (isDepthwise ? 1 : outputs)
    weight = scope.parameter(
      "weight", [outputs, isDepthwise ? 1 : inputs, side, side],
      initialization ?? .normal(std: (2 / Float(fanOut)).squareRoot()))
    (self.stride, self.padding, self.isDepthwise) = (stride, padding ?? (side - 1) / 2, isDepthwise)
  }

  /// x: [B, H, W, C] -> [B, H', W', O], with moments where the pass normalises with them, in the pass's precision;
  /// depthwise in float32.
  public func callAsFunction(_ x: FeatureMap, _ pass: Pass) -> FeatureMap {
    let moments = pass.statistics == .batch
    return isDepthwise
      ? depthwiseConvolution(x, pass[weight], stride: stride, padding: padding, moments: moments)
      : convolution(
        x, pass[weight], stride: stride, padding: padding, moments: moments, in: pass.precision)
  }
}
