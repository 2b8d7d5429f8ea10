import EmanateConfiguration
import EmanateNetworks
import EmanateOptimization

extension ExperimentConfiguration {
  /// The optimizer that the settings ask for, at its first step; it knows the backbone from the heads.
  ///
  /// - Throws: `TrainingError.configuration` for a name that fits no parameter of the network.
  func makeOptimizer(of store: ParameterStore) throws(TrainingError) -> any Optimizer {
    let scope = ParameterScope()
    _ = network.chosen.backbone(scope)
    return try optimizer.optimizer(of: store, backbone: Set(scope.parameters.map(\.name)))
  }
}

extension OptimizerSettings {
  /// The optimizer that the settings ask for, at its first step. `backbone` names the parameters that
  /// `Moment.backboneRate` holds for.
  ///
  /// - Throws: `TrainingError.configuration` for a name that fits no parameter of the network.
  public func optimizer(
    of store: ParameterStore, backbone: Set<String> = []
  ) throws(TrainingError) -> any Optimizer {
    var rules = rules
    rules.backbone = backbone
    for (path, names) in [("optimizer.undecayed", undecayed), ("optimizer.constantRate", constantRate)] {
      if let stranger = names.first(where: { name in !store.parameters.contains { $0.isNamed(name) } }) {
        throw .configuration(
          .inconsistent(reason: "`\(path)` has \(stranger), which is part of no parameter's name"))
      }
    }
    switch name {
    case .adamw:
      var options = AdamW.Options()
      (options.beta1, options.beta2, options.epsilon) = (beta1, beta2, epsilon)
      return AdamW(store, options, rules: rules)
    case .sgd:
      var options = SGD.Options()
      (options.momentum, options.isNesterov) = (momentum, nesterov)
      return SGD(store, options, rules: rules)
    case .lars:
      var options = LARS.Options()
      (options.momentum, options.isNesterov) = (momentum, nesterov)
      (options.trustCoefficient, options.ratio, options.clips) = (trustCoefficient, larsRatio, larsClip)
      return LARS(store, options, rules: rules)
    }
  }
}
