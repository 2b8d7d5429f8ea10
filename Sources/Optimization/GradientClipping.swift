import CEmanateKernels
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// Limits the norm of each parameter's gradient separately, as DINO does (utils.py, `clip_gradients`).
public enum GradientClipping: Sendable, Equatable {
  /// Gradients are used as they are.
  case off
  /// A gradient longer than `norm` is scaled by norm / (length + 1e-6).
  case perParameter(norm: Double)

  /// The length of every parameter's gradient, in the order of the store; fixed blocks, so no thread count
  /// shows.
  static func lengths(_ gradients: Tensor, _ parameters: [Parameter]) -> [Double] {
    let blockSize = 1 << 16
    var blocks: [(parameter: Int, part: Range<Int>)] = []
    for (index, parameter) in parameters.enumerated() {
      var at = parameter.part.lowerBound
      while at < parameter.part.upperBound {
        let end = min(at + blockSize, parameter.part.upperBound)
        blocks.append((index, at..<end))
        at = end
      }
    }
    let work = blocks
    let sums = [Double](unsafeUninitializedCapacity: work.count) { sums, count in
      let base = sums.baseAddress!
      ThreadPool.shared.forEach(work.count) { index in
        let part = work[index].part
        base[index] = em_sum_of_squares(gradients.pointer + part.lowerBound, part.count)
      }
      count = work.count
    }
    var squares = [Double](repeating: 0, count: parameters.count)
    for (block, sum) in zip(work, sums) { squares[block.parameter] += sum }
    return squares.map { $0.squareRoot() }
  }

  /// What a gradient of this length is multiplied with.
  package func factor(_ length: Double) -> Double {
    switch self {
    case .off: 1
    case .perParameter(let norm): min(1, norm / (length + 1e-6))
    }
  }
}
