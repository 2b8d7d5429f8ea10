import EmanateNetworks

/// How parameters differ in learning rate and weight decay, told by their names and shapes.
///
/// A name in these rules is one or more whole parts of a parameter's name: `last_layer` and `head.last_layer`
/// fit `head.last_layer.weight_v`, `last` does not.
public struct ParameterRules: Sendable, Equatable {
  /// Layer-wise decay of the learning rate: layer l of d has the rate times layerDecay^(d + 1 − l), layers as in
  /// `BackboneLayers` (Clark et al. 2020, ELECTRA; 0.9 in DINOv2, utils/param_groups.py).
  public var layerDecay = 1.0
  /// Multiplies the patch embedding's rate besides (DINOv2: 0.2).
  public var patchEmbedRate = 1.0
  /// Multiplies the rate of parameters of these names.
  public var rates: [String: Double] = [:]
  /// Names of parameters whose rate stays the constant one that `Optimizer.step` is given, whatever the schedule
  /// (SimSiam's `predictor`; Chen and He 2021, arXiv:2011.10566, section 4.2).
  public var constantRates: [String] = []
  /// Names of parameters that are not decayed, beside biases and one-dimensional ones (`cls_token`, say).
  public var undecayed: [String] = []
  /// Full names of the parameters that `StepRates.backboneRate` holds for.
  public var backbone: Set<String> = []

  /// The same rate for all; biases and one-dimensional tensors are not decayed.
  public init() {}

  /// What the rules come to for one parameter.
  package struct Rule: Sendable, Equatable {
    /// Multiplies the learning rate.
    package let multiplier: Double
    /// Whether the rate follows the schedule.
    package let isScheduled: Bool
    /// Whether it is decayed (by LARS: and scaled).
    package let isDecayed: Bool
    /// Whether it is of the backbone, as `ParameterRules.backbone` names it.
    package let isBackbone: Bool

    /// The parameter's own learning rate; nil while it is frozen.
    package func rate(_ rates: StepRates) -> Double? {
      if isBackbone && rates.backboneRate == 0 { return nil }
      return multiplier * (isScheduled ? rates.learningRate : rates.constantRate)
        * (isBackbone ? rates.backboneRate : 1)
    }
  }

  /// The rule of each parameter of a network.
  package func rules(for parameters: [Parameter]) -> [Rule] {
    let layers = BackboneLayers(names: parameters.lazy.map(\.name))
    return parameters.map { parameter in
      var multiplier = 1.0
      for _ in layers.layer(of: parameter.name)..<layers.depth + 1 { multiplier *= layerDecay }
      if parameter.isNamed("patch_embed") { multiplier *= patchEmbedRate }
      for (part, rate) in rates.sorted(by: { $0.key < $1.key }) where parameter.isNamed(part) {
        multiplier *= rate
      }
      return Rule(
        multiplier: multiplier, isScheduled: !constantRates.contains(where: parameter.isNamed),
        isDecayed: parameter.isDecayed && !undecayed.contains(where: parameter.isNamed),
        isBackbone: backbone.contains(parameter.name))
    }
  }
}

extension Parameter {
  /// Whether one or more whole parts of the parameter's name are `part`.
  package func isNamed(_ part: String) -> Bool { ("." + name + ".").contains("." + part + ".") }
}
