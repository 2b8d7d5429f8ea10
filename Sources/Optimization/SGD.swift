import CEmanateKernels
import EmanateKernels
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
  /// The direction b, laid out as the store.
  package private(set) var direction: Tensor
  /// How many updates each parameter has had; parameters that were skipped lag behind.
  public private(set) var updates: [Int]
  private let rules: [ParameterRules.Rule]

  /// Directions at zero for the parameters of `store`.
  public init(
    _ store: ParameterStore, _ options: Options = Options(), rules: ParameterRules = ParameterRules()
  ) {
    precondition(!options.isNesterov || options.momentum > 0, "SGD: Nesterov's form without a momentum")
    self.options = options
    self.rules = rules.rules(for: store.parameters)
    direction = Tensor(repeating: 0, store.values.shape)
    updates = Array(repeating: 0, count: store.parameters.count)
  }

  /// The direction, `momentum`.
  public var state: [(name: String, buffer: Tensor)] { [("momentum", direction)] }

  /// Puts a saved direction back.
  public mutating func restore(_ state: [String: Tensor], updates: [Int]) {
    direction = state["momentum"] ?? direction
    self.updates = updates
  }

  /// One update; clipping comes before the decay.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, learningRate: Double, constantRate: Double,
    weightDecay: Double,
    clipping: GradientClipping, followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double {
    let lengths = profiled("gradient norms", Work(numbers: gradients.count)) {
      GradientClipping.lengths(gradients, store.parameters)
    }
    let clips = clipping.factors(lengths, store.parameters)
    let sweep = OptimizerSweep(store, followedBy: average) { index, parameter -> MomentumUpdate? in
      guard parameter.isTrained && !isSkipped(parameter) else { return nil }
      updates[index] += 1
      let rule = rules[index]
      return MomentumUpdate(
        clip: Float(clips[index]), decay: rule.isDecayed ? Float(weightDecay) : 0, trust: 1,
        rate: Float(rule.rate(learningRate, constant: constantRate)))
    }
    profiled("SGD and teacher", Work(numbers: (average == nil ? 5 : 7) * gradients.count)) {
      sweep.move(
        store, gradients, &direction, momentum: options.momentum, isNesterov: options.isNesterov)
    }
    return lengths.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

/// What one parameter's gradient goes through on its way into the direction: (clip · g + decay · w) · trust.
struct MomentumUpdate {
  let clip, decay, trust, rate: Float
}

extension OptimizerSweep where Update == MomentumUpdate {
  /// The sweep that SGD and LARS share.
  func move(
    _ store: ParameterStore, _ gradients: Tensor, _ direction: inout Tensor, momentum: Double,
    isNesterov: Bool
  ) {
    // Along own · g + past · b.
    let (own, past): (Float, Float) = isNesterov ? (1, Float(momentum)) : (0, 1)
    direction.withMutableElements { b in
      let (g, b) = (gradients.pointer, b.baseAddress!)
      self(store) { update, w, at, count in
        em_sgd(
          w + at, g + at, b + at, count, update.clip, update.decay, update.trust, update.rate,
          Float(momentum),
          own, past)
      }
    }
    withExtendedLifetime(gradients) {}
  }
}
