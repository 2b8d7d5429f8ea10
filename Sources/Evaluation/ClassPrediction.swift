import EmanateKernels
import EmanateTensors

/// The class that a classifier finds most likely.
public struct ClassPrediction: Sendable, Equatable {
  /// Its place among the classes.
  public let label: Int
  /// Its softmax at temperature 1.
  public let probability: Double

  /// For each row of logits [N, C].
  public static func of(_ logits: Tensor) -> [ClassPrediction] {
    let classes = logits.shape[1]
    return logits.float32().withElements { values in
      (0..<logits.shape[0]).map { row in
        let probabilities = softmax(values[row * classes..<(row + 1) * classes])
        let label = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
        return ClassPrediction(label: label, probability: probabilities[label])
      }
    }
  }
}

/// softmax of one row, in Double.
func softmax(_ scores: Slice<UnsafeBufferPointer<Float>>) -> [Double] {
  let greatest = Double(scores.max() ?? 0)
  let powers = scores.map { exponential(Double($0) - greatest) }
  let total = powers.reduce(0, +)
  return powers.map { $0 / total }
}
