import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// What every optimizer keeps of each parameter, in the order of the store: its rule, and how many updates it has had.
struct ParameterUpdates: Sendable {
  let rules: [ParameterRules.Rule]
  /// Parameters that were skipped lag behind.
  var counts: [Int]

  init(_ store: ParameterStore, _ rules: ParameterRules) {
    self.rules = rules.rules(for: store.parameters)
    counts = Array(repeating: 0, count: store.parameters.count)
  }

  /// One step's sweep: `update` is called for each parameter that is to change, with its own learning rate, after
  /// its update is counted.
  mutating func sweep<Update>(
    _ store: ParameterStore, at rates: StepRates, followedBy average: MovingAverage?,
    isSkipped: (Parameter) -> Bool, update: (_ index: Int, _ count: Int, _ rate: Double) -> Update
  ) -> OptimizerSweep<Update> {
    OptimizerSweep(store, followedBy: average) { index, parameter -> Update? in
      guard parameter.isTrained, !isSkipped(parameter), let rate = rules[index].rate(rates) else {
        return nil
      }
      counts[index] += 1
      return update(index, counts[index], rate)
    }
  }
}

/// How long gradients are, and what each is multiplied with before anything else.
struct ClippedGradients {
  /// Lengths before clipping, in the order of the store.
  let lengths: [Double]
  /// Factors, in the order of the store.
  let clips: [Double]

  init(_ gradients: Tensor, _ store: ParameterStore, _ clipping: GradientClipping) {
    lengths = profiled("gradient norms", Work(numbers: gradients.count)) {
      GradientClipping.lengths(gradients, store.parameters)
    }
    clips = clipping.factors(lengths, store.parameters)
  }

  /// The norm of all gradients before clipping.
  var norm: Double { lengths.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
