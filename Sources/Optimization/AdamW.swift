import CEmanateKernels
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) over a flat store, with DINO's two
/// groups: biases and one-dimensional tensors are not decayed.
public struct AdamW: Sendable {
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
  /// How many updates each parameter has had; parameters that were skipped lag behind.
  package private(set) var updates: [Int]

  /// Moments at zero for the parameters of `store`.
  public init(_ store: ParameterStore, _ options: Options = Options()) {
    self.options = options
    first = Tensor(repeating: 0, store.values.shape)
    second = Tensor(repeating: 0, store.values.shape)
    updates = Array(repeating: 0, count: store.parameters.count)
  }

  /// Puts saved moments back.
  package mutating func restore(first: Tensor, second: Tensor, updates: [Int]) {
    (self.first, self.second, self.updates) = (first, second, updates)
  }

  /// One update. gradients: flat, as the store. `learningRate` is after the batch-size rule; `weightDecay` is
  /// applied to the parameters that are decayed, times the learning rate.
  ///
  /// Parameters for which `isSkipped` is true keep numbers and moments, as PyTorch does where a gradient is
  /// absent. Returns the norm of all gradients before clipping.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, learningRate: Double, weightDecay: Double,
    clipping: GradientClipping = .off, isSkipped: (Parameter) -> Bool = { _ in false }
  ) -> Double {
    let parameters = store.parameters
    let lengths = GradientClipping.lengths(gradients, parameters)
    struct Work {
      let part: Range<Int>
      let clip, decay, correction1, correction2: Float
    }
    var work: [Work] = []
    for (index, parameter) in parameters.enumerated() where parameter.isTrained && !isSkipped(parameter) {
      updates[index] += 1
      let t = Double(updates[index])
      let decays = parameter.isDecayed || options.decaysEverything
      let correction1 = options.correctsBias ? 1 - power(options.beta1, t) : 1
      let correction2 = options.correctsBias ? 1 - power(options.beta2, t) : 1
      var at = parameter.part.lowerBound
      while at < parameter.part.upperBound {
        let end = min(at + 1 << 15, parameter.part.upperBound)
        work.append(
          Work(
            part: at..<end, clip: Float(clipping.factor(lengths[index])),
            decay: decays ? Float(weightDecay) : 0,
            correction1: Float(correction1), correction2: Float(correction2)))
        at = end
      }
    }
    let items = work
    let options = options
    first.withMutableElements { m in
      second.withMutableElements { v in
        store.update { w in
          let (w, m, v, g) = (w.baseAddress!, m.baseAddress!, v.baseAddress!, gradients.pointer)
          ThreadPool.shared.forEach(items.count) { index in
            let item = items[index]
            let at = item.part.lowerBound
            em_adamw(
              w + at, g + at, m + at, v + at, item.part.count, item.clip, Float(learningRate), item.decay,
              Float(options.beta2), Float(1 - options.beta1), Float(1 - options.beta2),
              Float(options.epsilon), item.correction1, item.correction2)
          }
        }
      }
    }
    withExtendedLifetime(gradients) {}
    return lengths.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

private func power(_ base: Double, _ exponent: Double) -> Double { exponential(exponent * logarithm(base)) }
