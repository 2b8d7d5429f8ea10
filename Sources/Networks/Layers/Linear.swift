import EmanateAutograd
import EmanateTensors

/// A linear layer: y = x Wᵀ + b.
public struct Linear: Sendable {
  /// W [out, in] and b [out].
  public let weight, bias: Parameter

  /// Weights as DINO draws them, normal with deviation 0.02; bias zero.
  public init(_ scope: ParameterScope, from inputs: Int, to outputs: Int) {
    weight = scope.parameter("weight", [outputs, inputs], .truncatedNormal(std: 0.02))
    bias = scope.parameter("bias", [outputs], .zeros)
  }

  /// x: [..., I] -> [..., O], after a prelude; of some samples only, or added to a residual. Computed in the pass's
  /// precision, and kept in `result`'s if that is the pass's.
  public func callAsFunction(
    _ x: Variable, _ pass: Pass, after prelude: Prelude = .none, of kept: KeptSamples? = nil,
    keeping result: Precision = .float32
  ) -> Variable {
    linear(
      x, pass[weight], pass[bias], after: prelude, of: kept, in: pass.precision, keeping: result)
  }

  func callAsFunction(
    _ x: Variable, _ pass: Pass, after prelude: Prelude = .none, scaled scale: Parameter? = nil,
    addedTo residual: Variable, of kept: KeptSamples?
  ) -> Variable {
    var (weight, bias) = (pass[weight], pass[bias])
    if let scale { (weight, bias) = (scaledRows(weight, by: pass[scale]), scaledRows(bias, by: pass[scale])) }
    return linear(x, weight, bias, after: prelude, addedTo: residual, of: kept, in: pass.precision)
  }
}

/// Layer normalisation with ViT's ε = 1e-6.
public struct LayerNorm: Sendable {
  /// Gains and biases, [D] each.
  public let weight, bias: Parameter
  static let epsilon: Float = 1e-6

  /// Gains 1 and biases 0 for rows of `width` numbers.
  public init(_ scope: ParameterScope, width: Int) {
    weight = scope.parameter("weight", [width], .ones)
    bias = scope.parameter("bias", [width], .zeros)
  }

  /// x: [..., D] -> [..., D].
  public func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    layerNorm(x, pass[weight], pass[bias], epsilon: Self.epsilon)
  }

  /// As the prelude of a linear layer.
  func prelude(_ pass: Pass) -> Prelude {
    .layerNorm(weight: pass[weight], bias: pass[bias], epsilon: Self.epsilon)
  }
}
