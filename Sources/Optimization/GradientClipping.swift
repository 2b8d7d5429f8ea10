import CEmanateKernels
import EmanateNetworks
import EmanateTensors

/// Limits the norm of the gradients: of each parameter's separately, or of all together.
public enum GradientClipping: Sendable, Hashable {
  /// Gradients are used as they are.
  case off
  /// A parameter's gradient longer than `norm` is scaled by norm / (length + 1e-6): DINO (utils.py,
  /// `clip_gradients`).
  case perParameter(norm: Double)
  /// The gradients of all trained parameters, if together longer than `norm`, are scaled by
  /// norm / (length + 1e-6): PyTorch's `clip_grad_norm_`, which lightly calls for the whole network and DINOv2
  /// for the backbone and each head by themselves.
  case global(norm: Double)

  /// The length of every parameter's gradient, in the order of the store.
  package static func lengths(_ gradients: Tensor, _ parameters: [Parameter]) -> [Double] {
    EmanateOptimization.lengths(of: parameters) { _, part in
      [em_sum_of_squares(gradients.pointer + part.lowerBound, part.count), 0]
    }.map(\.x)
  }

  /// What each parameter's gradient is multiplied with, from the lengths of all. Skipped parameters count, as in
  /// lightly and DINOv2, where the last layer is frozen after clipping or by a rate of 0.
  package func factors(_ lengths: [Double], _ parameters: [Parameter]) -> [Double] {
    guard case .global = self else { return lengths.map(factor) }
    let squares = zip(lengths, parameters).reduce(0) { $1.1.isTrained ? $0 + $1.0 * $1.0 : $0 }
    return Array(repeating: factor(squares.squareRoot()), count: lengths.count)
  }

  /// What a gradient of this length, or gradients of this length together, are multiplied with.
  package func factor(_ length: Double) -> Double {
    switch self {
    case .off: 1
    case .perParameter(let norm), .global(let norm): min(1, norm / (length + 1e-6))
    }
  }
}
