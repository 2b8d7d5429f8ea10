import EmanateAutograd
import EmanateTensors

/// A head of linear layers with batch normalisation between them: BYOL's and SimSiam's projectors and predictors.
public struct MLPHead: Sendable {
  /// One linear layer and what follows it.
  public struct Layer: Sendable, Equatable {
    /// What normalises its outputs.
    public enum Norm: Sendable { case none, affine, plain }

    /// The number of outputs.
    public var outputs: Int
    /// Whether the linear layer has a bias.
    public var hasBias: Bool
    /// What normalises its outputs.
    public var norm: Norm
    /// Whether ReLU comes last.
    public var isActivated: Bool

    /// A layer; hidden ones are normalised and activated.
    public init(_ outputs: Int, hasBias: Bool, norm: Norm = .affine, isActivated: Bool = true) {
      (self.outputs, self.hasBias, self.norm, self.isActivated) = (outputs, hasBias, norm, isActivated)
    }
  }

  private let layers: [(weight: Parameter, bias: Parameter?, norm: BatchNorm?, isActivated: Bool)]

  /// Asks `scope` for all parameters, numbered as PyTorch's `Sequential` numbers modules: `0.weight` is the first linear
  /// layer's, `1.weight` its normalisation's. Linear weights and biases are PyTorch's default, uniform in ±1/√inputs.
  public init(_ scope: ParameterScope, from inputs: Int, _ layers: [Layer]) {
    var (place, width) = (0, inputs)
    self.layers = layers.map { layer in
      let linear = scope.scope("\(place)")
      let bound = 1 / Float(width).squareRoot()
      let weight = linear.parameter("weight", [layer.outputs, width], .uniform(bound: bound))
      let bias = layer.hasBias ? linear.parameter("bias", [layer.outputs], .uniform(bound: bound)) : nil
      place += 1
      var norm: BatchNorm?
      if layer.norm != .none {
        norm = BatchNorm(scope.scope("\(place)"), channels: layer.outputs, isAffine: layer.norm == .affine)
        place += 1
      }
      if layer.isActivated { place += 1 }
      width = layer.outputs
      return (weight, bias, norm, layer.isActivated)
    }
  }

  /// x: [N, I] -> [N, O]; the N rows are the batch that is normalised.
  public func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    var x = x
    for layer in layers {
      let bias =
        layer.bias.map { pass[$0] } ?? Variable(Tensor(repeating: 0, [layer.weight.shape[0]]))
      x = linear(x, pass[layer.weight], bias, in: pass.precision)
      let activation = layer.isActivated ? ChannelActivation.relu : .none
      if let norm = layer.norm {
        x = norm.rows(x, pass, activation)
      } else if layer.isActivated {
        let map = FeatureMap(x.reshaped([x.shape[0], 1, 1, x.shape[1]]))
        x = materialized(map, .relu).reshaped(x.shape)
      }
    }
    return x
  }
}

extension MLPHead.Layer {
  /// BYOL's projector and predictor alike (Grill et al. 2020, arXiv:2006.07733, section 3.3 and its authors' code): a
  /// hidden layer with bias, normalised; an output without.
  public static func byol(hidden: Int, output: Int) -> [MLPHead.Layer] {
    [
      MLPHead.Layer(hidden, hasBias: true),
      MLPHead.Layer(output, hasBias: false, norm: .none, isActivated: false),
    ]
  }

  /// SimSiam's projector (Chen and He 2021, arXiv:2011.10566, section 4 and its authors' code): three layers, the last
  /// normalisation without gains and biases.
  public static func simSiamProjector(hidden: Int, output: Int) -> [MLPHead.Layer] {
    [
      MLPHead.Layer(hidden, hasBias: false), MLPHead.Layer(hidden, hasBias: false),
      MLPHead.Layer(output, hasBias: false, norm: .plain, isActivated: false),
    ]
  }

  /// SimSiam's predictor, a bottleneck.
  public static func simSiamPredictor(hidden: Int, output: Int) -> [MLPHead.Layer] {
    [
      MLPHead.Layer(hidden, hasBias: false),
      MLPHead.Layer(output, hasBias: true, norm: .none, isActivated: false),
    ]
  }
}
