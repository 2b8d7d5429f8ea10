import CEmanateKernels
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) over a flat store, with DINO's two
/// groups: biases and one-dimensional tensors are not decayed.
public struct AdamW: Optimizer {
  /// The settings that stay the same during a run.
  public struct Options: Sendable, Equatable {
    /// The momentum of the first moment, β₁.
    public var beta1 = 0.9
    /// The momentum of the second moment, β₂.
    public var beta2 = 0.999
    /// What is added to the root of the second moment, ε.
    public var epsilon = 1e-8
    /// Divides the moments by 1 − βᵗ; only a test turns it off.
    package var correctsBias = true
    /// Decays biases too; only a test turns it on.
    package var decaysEverything = false
    /// DINO's and PyTorch's: 0.9, 0.999, 1e-8.
    public init() {}
  }

  /// The settings that stay the same during a run.
  public var options: Options
  /// First and second moments, laid out as the store.
  package private(set) var first, second: Tensor
  private var parameters: ParameterUpdates

  /// Moments at zero for the parameters of `store`.
  public init(
    _ store: ParameterStore, _ options: Options = Options(), rules: ParameterRules = ParameterRules()
  ) {
    self.options = options
    first = Tensor(repeating: 0, store.flatShape)
    second = Tensor(repeating: 0, store.flatShape)
    parameters = ParameterUpdates(store, rules)
  }

  /// The moments, `first` and `second`.
  public var state: [(name: String, buffer: Tensor)] { [("first", first), ("second", second)] }
  /// How many updates each parameter has had; parameters that were skipped lag behind.
  public var updates: [Int] { parameters.counts }

  /// Puts saved moments back.
  public mutating func restore(_ state: [String: Tensor], updates: [Int]) {
    (first, second) = (state["first"] ?? first, state["second"] ?? second)
    parameters.counts = updates
  }

  private struct Update {
    let clip, rate, decay, correction1, correction2: Float
  }

  /// One update; the decay is decoupled, w ← (1 − rate · decay) · w.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, at rates: StepRates, clipping: GradientClipping,
    followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double {
    let clipped = ClippedGradients(gradients, store, clipping)
    let (rules, options) = (parameters.rules, options)
    let sweep = parameters.sweep(store, at: rates, followedBy: average, isSkipped: isSkipped) {
      index, count, rate in
      let decays = rules[index].isDecayed || options.decaysEverything
      return Update(
        clip: Float(clipped.clips[index]), rate: Float(rate), decay: decays ? Float(rates.weightDecay) : 0,
        correction1: Float(options.correctsBias ? 1 - power(options.beta1, Double(count)) : 1),
        correction2: Float(options.correctsBias ? 1 - power(options.beta2, Double(count)) : 1))
    }
    profiled("AdamW and teacher", Work(numbers: (average == nil ? 7 : 9) * gradients.count)) {
      first.withMutableElements { m in
        second.withMutableElements { v in
          let (g, m, v) = (gradients.pointer, m.baseAddress!, v.baseAddress!)
          sweep(store) { update, w, at, count in
            em_adamw(
              w + at, g + at, m + at, v + at, count, update.clip, update.rate, update.decay,
              Float(options.beta2), Float(1 - options.beta1), Float(1 - options.beta2),
              Float(options.epsilon), update.correction1, update.correction2)
          }
        }
      }
    }
    withExtendedLifetime(gradients) {}
    return clipped.norm
  }
}

private func power(_ base: Double, _ exponent: Double) -> Double { exponential(exponent * logarithm(base)) }
