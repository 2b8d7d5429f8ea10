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
  /// absent. `average` then moves toward the new weights, part by part while they are in cache. Returns the norm of
  /// all gradients before clipping.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, learningRate: Double, weightDecay: Double,
    clipping: GradientClipping = .off, followedBy average: MovingAverage? = nil,
    isSkipped: (Parameter) -> Bool = { _ in false }
  ) -> Double {
    let lengths = profiled("gradient norms", Work(numbers: gradients.count)) {
      GradientClipping.lengths(gradients, store.parameters)
    }
    let parts = parts(
      store.parameters, lengths, weightDecay: weightDecay, clipping: clipping, follows: average != nil,
      isSkipped: isSkipped)
    profiled("AdamW and teacher", Work(numbers: (average == nil ? 7 : 9) * gradients.count)) {
      sweep(parts, store, gradients: gradients, learningRate: Float(learningRate), average)
    }
    return lengths.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// What a thread takes at once: a piece of one parameter, and its update if it has one.
  private struct Part {
    struct Update {
      let clip, decay, correction1, correction2: Float
    }
    let range: Range<Int>
    let update: Update?
  }

  /// Counts the updates and cuts the parameters into pieces.
  private mutating func parts(
    _ parameters: [Parameter], _ lengths: [Double], weightDecay: Double, clipping: GradientClipping,
    follows: Bool, isSkipped: (Parameter) -> Bool
  ) -> [Part] {
    var parts: [Part] = []
    for (index, parameter) in parameters.enumerated() {
      let isUpdated = parameter.isTrained && !isSkipped(parameter)
      guard isUpdated || follows else { continue }
      if isUpdated { updates[index] += 1 }
      let t = Double(updates[index])
      let decays = parameter.isDecayed || options.decaysEverything
      let update = Part.Update(
        clip: Float(clipping.factor(lengths[index])), decay: decays ? Float(weightDecay) : 0,
        correction1: Float(options.correctsBias ? 1 - power(options.beta1, t) : 1),
        correction2: Float(options.correctsBias ? 1 - power(options.beta2, t) : 1))
      for start in stride(from: parameter.part.lowerBound, to: parameter.part.upperBound, by: 1 << 15) {
        let range = start..<min(start + 1 << 15, parameter.part.upperBound)
        parts.append(Part(range: range, update: isUpdated ? update : nil))
      }
    }
    return parts
  }

  /// One sweep over weights, moments and the network that follows.
  private mutating func sweep(
    _ parts: [Part], _ store: ParameterStore, gradients: Tensor, learningRate: Float,
    _ average: MovingAverage?
  ) {
    precondition(
      average.map { $0.store.flatShape == store.flatShape } ?? true, "AdamW: a follower of another network")
    let options = options
    // Four arrays of such a piece, and the follower's, share the second cache.
    let piece = 1 << 13
    func sweep(
      _ w: UnsafeMutablePointer<Float>, _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>,
      _ follower: UnsafeMutablePointer<Float>?
    ) {
      let (g, momentum) = (gradients.pointer, average?.momentum ?? 1)
      ThreadPool.shared.forEach(parts.count) { index in
        let part = parts[index]
        for at in stride(from: part.range.lowerBound, to: part.range.upperBound, by: piece) {
          let count = min(piece, part.range.upperBound - at)
          if let update = part.update {
            em_adamw(
              w + at, g + at, m + at, v + at, count, update.clip, learningRate, update.decay,
              Float(options.beta2), Float(1 - options.beta1), Float(1 - options.beta2),
              Float(options.epsilon), update.correction1, update.correction2)
          }
          if let follower { em_ema(follower + at, w + at, count, Float(momentum), Float(1 - momentum)) }
        }
      }
    }
    first.withMutableElements { m in
      second.withMutableElements { v in
        store.update { w in
          if let average {
            average.store.update { sweep(w.baseAddress!, m.baseAddress!, v.baseAddress!, $0.baseAddress!) }
          } else {
            sweep(w.baseAddress!, m.baseAddress!, v.baseAddress!, nil)
          }
        }
      }
    }
    withExtendedLifetime(gradients) {}
  }
}

private func power(_ base: Double, _ exponent: Double) -> Double { exponential(exponent * logarithm(base)) }
