import CEmanateKernels
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// What SGD and LARS remember, and the step that they share: b ← μ b + trust · (clip · g + decay · w), and then
/// w ← w − rate · b or, in Nesterov's form, along g + μ b.
struct MomentumState: Sendable {
  let momentum: Double
  let isNesterov: Bool
  /// The direction b, laid out as the store.
  private(set) var direction: Tensor
  var updates: ParameterUpdates

  /// What one parameter's gradient goes through on its way into the direction.
  struct Update {
    let clip, decay, trust, rate: Float

    init(clip: Double, decay: Double, trust: Double, rate: Double) {
      (self.clip, self.decay, self.trust, self.rate) = (Float(clip), Float(decay), Float(trust), Float(rate))
    }
  }

  /// A direction at zero for the parameters of `store`.
  init(_ store: ParameterStore, momentum: Double, isNesterov: Bool, rules: ParameterRules) {
    precondition(!isNesterov || momentum > 0, "Optimizer: Nesterov's form without a momentum")
    (self.momentum, self.isNesterov) = (momentum, isNesterov)
    direction = Tensor(repeating: 0, store.flatShape)
    updates = ParameterUpdates(store, rules)
  }

  var named: [(name: String, buffer: Tensor)] { [("momentum", direction)] }

  mutating func restore(_ state: [String: Tensor], updates counts: [Int]) {
    direction = state["momentum"] ?? direction
    updates.counts = counts
  }

  /// The sweep, under the profile's name.
  mutating func move(
    _ name: String, _ store: ParameterStore, _ gradients: Tensor, _ sweep: OptimizerSweep<Update>
  ) {
    // Along own · g + past · b.
    let (own, past): (Float, Float) = isNesterov ? (1, Float(momentum)) : (0, 1)
    let momentum = Float(momentum)
    profiled(name, Work(numbers: (sweep.hasFollower ? 7 : 5) * gradients.count)) {
      direction.withMutableElements { b in
        let (g, b) = (gradients.pointer, b.baseAddress!)
        sweep(store) { update, w, at, count in
          em_sgd(
            w + at, g + at, b + at, count, update.clip, update.decay, update.trust, update.rate, momentum,
            own, past)
        }
      }
    }
    withExtendedLifetime(gradients) {}
  }
}
