import CEmanateKernels
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// LARS (You et al. 2017, arXiv:1708.03888): momentum over gradients that are scaled, parameter by parameter, to
/// the length of their weights.
///
/// g ← ratio · (g + λ w), b ← μ b + g, w ← w − rate · b. Biases, one-dimensional tensors (those of batch
/// normalisation are) and parameters whose decay is switched off by name are neither decayed nor scaled.
public struct LARS: Optimizer {
  /// What a gradient is scaled by, η the trust coefficient. Public codes do not agree on it.
  public enum Ratio: String, Sendable, CaseIterable {
    /// η ‖w‖ / ‖g + λ w‖, and 1 where either length is 0: BYOL's (deepmind-research, byol/utils/optimizers.py),
    /// and DINO's and Barlow Twins' LARS.
    case update
    /// η ‖w‖ / (‖g‖ + λ ‖w‖ + 1e-8), the paper's equation 6; where either length is 0 neither scale nor decay:
    /// Lightning Bolts', solo-learn's (utils/lars.py) and lightly's.
    case sum
  }

  /// The settings that stay the same during a run.
  public struct Options: Sendable, Equatable {
    /// The share of the old direction that is kept, μ.
    public var momentum = 0.9
    /// The trust coefficient, η.
    public var trustCoefficient = 1e-3
    /// What a gradient is scaled by.
    public var ratio = Ratio.update
    /// Scales by min(ratio / rate, 1), so that no parameter's own rate is above the run's: LARC, solo-learn's
    /// `clip_lr`.
    public var clips = false
    /// Steps along g + μ b in place of b, as `SGD` does; wants a momentum.
    public var isNesterov = false
    /// BYOL's and DINO's, which are the same arithmetic: momentum 0.9, η 0.001.
    public init() {}

    /// solo-learn's for CIFAR and ImageNet-100 (scripts/pretrain): clipped, η 0.02.
    public static var soloLearn: Options {
      var options = Options()
      (options.trustCoefficient, options.ratio, options.clips) = (0.02, .sum, true)
      return options
    }
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

  /// One update; clipping comes before everything else.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, at rates: StepRates, clipping: GradientClipping,
    followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double {
    let clipped = ClippedGradients(gradients, store, clipping)
    let adapted = profiled("trust ratios", Work(numbers: 2 * gradients.count)) {
      adaptedLengths(store, gradients, clipped.clips, weightDecay: rates.weightDecay)
    }
    let (rules, options) = (memory.updates.rules, options)
    let sweep = memory.updates.sweep(store, at: rates, followedBy: average, isSkipped: isSkipped) {
      index, _, rate in
      var (trust, decay) = (1.0, 0.0)
      if rules[index].isDecayed {
        (trust, decay) = Self.scale(
          options,
          weight: adapted[index].x, gradient: clipped.clips[index] * clipped.lengths[index],
          update: adapted[index].y, rate: rate, decay: rates.weightDecay)
      }
      return MomentumState.Update(clip: clipped.clips[index], decay: decay, trust: trust, rate: rate)
    }
    memory.move("LARS and teacher", store, gradients, sweep)
    return clipped.norm
  }

  /// ‖w‖ and, where the ratio wants it, ‖g + λ w‖ of every parameter that is scaled; 0 of the others.
  private func adaptedLengths(
    _ store: ParameterStore, _ gradients: Tensor, _ clips: [Double], weightDecay: Double
  ) -> [SIMD2<Double>] {
    let (w, g) = (store.values.pointer, gradients.pointer)
    let (rules, ratio) = (memory.updates.rules, options.ratio)
    return lengths(of: store.parameters) { index, part in
      if !rules[index].isDecayed { return .zero }
      let w = w + part.lowerBound
      if ratio == .sum { return [em_sum_of_squares(w, part.count), 0] }
      var weight = 0.0
      let update = em_squares_with_decay(
        w, g + part.lowerBound, part.count, Float(clips[index]), Float(weightDecay), &weight)
      return [weight, update]
    }
  }

  /// What g + λ w is multiplied with, and λ.
  private static func scale(
    _ options: Options, weight: Double, gradient: Double, update: Double, rate: Double, decay: Double
  ) -> (trust: Double, decay: Double) {
    var ratio = 1.0
    switch options.ratio {
    case .update:
      if weight > 0 && update > 0 { ratio = options.trustCoefficient * weight / update }
    case .sum:
      if weight == 0 || gradient == 0 { return (1, 0) }
      ratio = options.trustCoefficient * weight / (gradient + decay * weight + 1e-8)
    }
    // A rate of 0, as at the first step of a warm-up, clips at 1.
    return (options.clips ? min(ratio / rate, 1) : ratio, decay)
  }
}
