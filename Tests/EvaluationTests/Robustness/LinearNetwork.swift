import EmanateEvaluation
import EmanateTensors

/// A classifier whose logits are linear in the levels: what attacks can reach is known in closed form.
struct LinearNetwork: AttackedNetwork {
  /// Weights [C][D] and biases [C].
  let weight: [[Float]]
  let bias: [Float]
  /// What the logits are multiplied by: great ones saturate the softmax.
  var scale: Float = 1

  func logits(_ images: Tensor) -> Tensor {
    let (rows, width, values) = (images.shape[0], images.shape[1], images.array)
    var numbers: [Float] = []
    for row in 0..<rows {
      for (weight, bias) in zip(weight, bias) {
        var sum = bias
        for column in 0..<width { sum += weight[column] * values[row * width + column] }
        numbers.append(scale * sum)
      }
    }
    return Tensor(numbers, [rows, weight.count])
  }

  func gradient(_ images: Tensor, _ slopes: (Tensor) -> Tensor) -> (logits: Tensor, gradient: Tensor) {
    let (rows, width, classes) = (images.shape[0], images.shape[1], weight.count)
    let logits = logits(images)
    let slopes = slopes(logits).array
    var numbers: [Float] = []
    for row in 0..<rows {
      for column in 0..<width {
        var sum: Float = 0
        for place in 0..<classes { sum += slopes[row * classes + place] * scale * weight[place][column] }
        numbers.append(sum)
      }
    }
    return (logits, Tensor(numbers, [rows, width]))
  }

  /// Two classes of 12 levels: logits w·x + b and 0, so that class 0 is told where w·x + b > 0.
  static func pair(_ w: [Float], _ b: Float, scale: Float = 1) -> LinearNetwork {
    LinearNetwork(weight: [w, w.map { _ in 0 }], bias: [b, 0], scale: scale)
  }
}

/// Rows of levels between the two numbers, the same for the same seed.
func levels(_ rows: Int, _ width: Int, in range: ClosedRange<Float> = 0...1, seed: UInt64 = 3) -> Tensor {
  Tensor(
    cloud(rows, width, seed: seed).array.map { number in
      let share = number - number.rounded(.down)
      return range.lowerBound + share * (range.upperBound - range.lowerBound)
    }, [rows, width])
}
