import EmanateNetworks
import EmanateTensors

/// Stochastic gradient descent with momentum as PyTorch defines it: the decay is part of the gradient,
/// g ← g + λ w, b ← μ b + g, w ← w − rate · b; Nesterov's form steps along g + μ b.
public struct SGD: Optimizer {
  /// The settings that stay the same during a run.
  public struct Options: Sendable, Equatable {
    /// The share of the old direction that is kept, μ.
    public var momentum = 0.9
    /// Steps along g + μ b in place of b (Sutskever et al. 2013, as PyTorch writes it); wants a momentum.
    public var isNesterov = false
    /// The 0.9 of DINO, SimSiam and nearly everyone, without Nesterov.
    public init() {}
  }

  /// The settings that stay the same during a run.
  public let options: Options
  private var memory: MomentumState

  /// Directions at zero for the parameters of `store`.
  public init(
    _ store: ParameterStore, _ options: Options = Options(), rules: ParameterRules = ParameterRules()
  ) {
    self.options = options
    memory = MomentumState(store, momentum: options.momentum, isNesterov: options.isNesterov, rules: rules)
  }

  /// The direction b, `momentum`.
  public var state: [(name: String, buffer: Tensor)] { memory.named }
  /// How many updates each parameter has had; parameters that were skipped lag behind.
  public var updates: [Int] { memory.updates.counts }

  /// Puts a saved direction back.
  public mutating func restore(_ state: [String: Tensor], updates: [Int]) {
    memory.restore(state, updates: updates)
  }

  /// One update; clipping comes before the decay.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, at rates: StepRates, clipping: GradientClipping,
    followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double {
    let clipped = ClippedGradients(gradients, store, clipping)
    let rules = memory.updates.rules
    let sweep = memory.updates.sweep(store, at: rates, followedBy: average, isSkipped: isSkipped) {
      index, _, rate in
      MomentumState.Update(
        clip: clipped.clips[index], decay: rules[index].isDecayed ? rates.weightDecay : 0, trust: 1,
        rate: rate)
    }
    memory.move("SGD and teacher", store, gradients, sweep)
    return clipped.norm
  }
}
