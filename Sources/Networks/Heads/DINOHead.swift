import EmanateAutograd
import EmanateTensors

/// The sizes of a DINO head.
public struct DINOHeadSizes: Sendable, Equatable {
  /// Widths of the hidden layers and of the normalised layer, and the number of prototypes K.
  public var hidden, bottleneck, prototypes: Int
  /// Whether the prototypes' gains stay at 1, so that logits are cosines.
  public var normLastLayer: Bool
  /// Whether the hidden layers are normalised over the batch (`use_bn_in_head` of the authors' code).
  public var batchNorm: Bool

  /// As published: 2,048, 256, 65,536, without batch normalisation.
  public init(
    hidden: Int = 2048, bottleneck: Int = 256, prototypes: Int = 65536, normLastLayer: Bool = true,
    batchNorm: Bool = false
  ) {
    (self.hidden, self.bottleneck, self.prototypes) = (hidden, bottleneck, prototypes)
    (self.normLastLayer, self.batchNorm) = (normLastLayer, batchNorm)
  }
}

/// DINO's projection head (Caron et al. 2021, arXiv:2104.14294, section 3.1 and appendix C): three linear
/// layers with GELU between them, where asked batch normalisation before each GELU, L2 normalisation, and weight-normed
/// prototypes.
public struct DINOHead: Sendable {
  /// The sizes it was made with.
  public let sizes: DINOHeadSizes
  let first, second, third: Linear
  /// Before the first and the second GELU, or none.
  let norms: [BatchNorm]
  /// Prototypes: direction [K, bottleneck] and gain [K, 1].
  public let direction, gain: Parameter

  /// Asks `scope` for all parameters. Directions keep PyTorch's default initialisation, uniform in
  /// ±1/√bottleneck.
  public init(_ scope: ParameterScope, from width: Int, _ sizes: DINOHeadSizes) {
    self.sizes = sizes
    // Numbered as PyTorch's `Sequential` numbers linear layers, normalisations and GELUs.
    let places = sizes.batchNorm ? (0, 3, 6) : (0, 2, 4)
    first = Linear(scope.scope("mlp.\(places.0)"), from: width, to: sizes.hidden)
    second = Linear(scope.scope("mlp.\(places.1)"), from: sizes.hidden, to: sizes.hidden)
    third = Linear(scope.scope("mlp.\(places.2)"), from: sizes.hidden, to: sizes.bottleneck)
    norms =
      sizes.batchNorm
      ? ["mlp.1", "mlp.4"].map { BatchNorm(scope.scope($0), channels: sizes.hidden) } : []
    let last = scope.scope("last_layer")
    gain = last.parameter("weight_g", [sizes.prototypes, 1], .ones, isTrained: !sizes.normLastLayer)
    direction = last.parameter(
      "weight_v", [sizes.prototypes, sizes.bottleneck],
      .uniform(bound: 1 / Float(sizes.bottleneck).squareRoot()))
  }

  /// x: [N, D] -> logits [N, K]; with batch normalisation the N rows are the batch.
  public func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    func norm(_ index: Int, _ x: Variable) -> Variable {
      norms.isEmpty ? x : norms[index].rows(x, pass, .none)
    }
    let hidden = norm(1, second(norm(0, first(x, pass)), pass, after: .gelu))
    let projected = third(hidden, pass, after: .gelu)
    return weightNormLinear(
      normalized(projected), direction: pass[direction], gain: pass[gain], in: pass.precision)
  }
}
