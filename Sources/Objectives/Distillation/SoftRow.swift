import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// One row of class probabilities and their logarithms in double precision: what response losses compare.
struct SoftRow {
  /// ln p and p, one for each class.
  let logs, shares: UnsafeMutablePointer<Double>
  let count: Int

  /// What is known already.
  init(logs: UnsafeMutablePointer<Double>, shares: UnsafeMutablePointer<Double>, count: Int) {
    (self.logs, self.shares, self.count) = (logs, shares, count)
  }

  /// softmax((x − shift) · factor), in 2·count numbers of `scratch`.
  init(
    _ x: UnsafePointer<Float>, shift: Double = 0, factor: Double, count: Int,
    in scratch: UnsafeMutablePointer<Double>
  ) {
    (logs, shares, self.count) = (scratch, scratch + count, count)
    em_log_softmax(x, shift, factor, count, logs, shares)
  }

  /// Given probabilities. The logarithm of 0 is taken as 0, since it is multiplied by 0.
  init(probabilities: UnsafePointer<Float>, count: Int, in scratch: UnsafeMutablePointer<Double>) {
    (logs, shares, self.count) = (scratch, scratch + count, count)
    for i in 0..<count {
      shares[i] = Double(probabilities[i])
      logs[i] = probabilities[i] > 0 ? logarithm(shares[i]) : 0
    }
  }

  /// KL(self ‖ other) in nats.
  func divergence(to other: SoftRow) -> Double {
    var sum = 0.0
    for i in 0..<count where shares[i] != 0 { sum += shares[i] * (logs[i] - other.logs[i]) }
    return sum
  }

  /// −Σ p ln q of p = self and q = other, in nats.
  func crossEntropy(with other: SoftRow) -> Double {
    var sum = 0.0
    for i in 0..<count where shares[i] != 0 { sum -= shares[i] * other.logs[i] }
    return sum
  }
}

/// The mean over rows of a loss of each row, [1], of logits [N, C]; 0 of no rows, with the gradient 0.
///
/// `body` finds a row's loss and writes its slopes by the row's C logits; it has `scratch` numbers for
/// itself. It is called once a row, on any thread.
func meanOverRows(
  _ student: Variable, name: String, scratch: Int,
  _ body: (
    _ row: Int, _ x: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Double>,
    _ slopes: UnsafeMutablePointer<Double>
  ) -> Double
) -> Variable {
  let (rows, classes, x) = (student.shape[0], student.shape[1], student.value)
  let gradient = Tensor(uninitialized: x.shape)
  let losses = UnsafeMutablePointer<Double>.allocate(capacity: rows)
  defer { losses.deallocate() }
  profiled(name, Work(numbers: 3 * x.count)) {
    ThreadPool.shared.forEach(rows) { row in
      let numbers = UnsafeMutablePointer<Double>.allocate(capacity: scratch + classes)
      defer { numbers.deallocate() }
      let slopes = numbers + scratch
      losses[row] = body(row, x.pointer + row * classes, numbers, slopes)
      let to = gradient.pointer + row * classes
      for i in 0..<classes { to[i] = Float(slopes[i] / Double(rows)) }
    }
  }
  withExtendedLifetime(x) {}
  let total = (0..<rows).reduce(0.0) { $0 + losses[$1] }
  return record(
    Tensor([Float(total / Double(max(rows, 1)))], [1]), [student], KnownGradientBackward(gradient: gradient))
}

/// Gradients by several inputs that were found together with a scalar loss.
struct KnownGradientsBackward: BackwardRule {
  static let name = "loss"
  let gradients: [Tensor]

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let factor = dy.scalar
    for (index, gradient) in gradients.enumerated() where inputs.wants(index) {
      var gradient = gradient
      if factor != 1 { gradient.withMutableElements { em_scale($0.baseAddress, factor, $0.count) } }
      inputs.give(index, gradient)
    }
  }
}
