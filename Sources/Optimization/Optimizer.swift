import EmanateNetworks
import EmanateTensors

/// Makes new weights of gradients, in one sweep over the flat store that a following network joins.
///
/// `AdamW`, `SGD` and `LARS` conform. What an optimizer remembers lies in flat buffers laid out as the store,
/// which checkpoints keep by name and parameter.
public protocol Optimizer: Sendable {
  /// One update of every trained parameter. gradients: flat, as the store. Returns the norm of all gradients
  /// before clipping.
  ///
  /// Parameters for which `isSkipped` is true, and those whose rate is 0 for their being of a frozen backbone, keep
  /// numbers and state, as PyTorch does where a gradient is absent. `average` then moves toward the new weights, part
  /// by part while they are in cache.
  @discardableResult
  mutating func step(
    _ store: ParameterStore, gradients: Tensor, at rates: StepRates, clipping: GradientClipping,
    followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double

  /// What is remembered from step to step: flat buffers laid out as the store, by name.
  var state: [(name: String, buffer: Tensor)] { get }
  /// How many updates each parameter has had, in the store's order; parameters that were skipped lag behind.
  var updates: [Int] { get }
  /// Puts saved buffers, every name of `state` among them, and counts back.
  mutating func restore(_ state: [String: Tensor], updates: [Int])
}

extension Optimizer {
  /// One update in which every parameter's rate follows `learningRate`; the other arguments as there.
  @discardableResult
  public mutating func step(
    _ store: ParameterStore, gradients: Tensor, learningRate: Double, weightDecay: Double,
    clipping: GradientClipping = .off, followedBy average: MovingAverage? = nil,
    isSkipped: (Parameter) -> Bool = { _ in false }
  ) -> Double {
    step(
      store, gradients: gradients, at: StepRates(learningRate: learningRate, weightDecay: weightDecay),
      clipping: clipping, followedBy: average, isSkipped: isSkipped)
  }
}
