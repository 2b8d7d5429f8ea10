import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// The cross-entropy of logits with given probabilities: −Σ q ln softmax(z/τ), averaged over rows.
///
/// Hinton et al. 2015 (arXiv:1503.02531, section 2) multiply it by τ² where it stands beside a loss at
/// temperature 1, because its gradient falls as 1/τ²; that factor is the caller's.
public struct SoftCrossEntropy: Sendable {
  /// What the logits are divided by, τ.
  public let temperature: Float

  /// A cross-entropy at a temperature.
  public init(temperature: Float = 1) {
    precondition(temperature > 0, "SoftCrossEntropy: temperature \(temperature); above 0 is needed")
    self.temperature = temperature
  }

  /// logits: [N, K], probabilities: [N, K] with rows that sum to 1 -> [1]; 0 of no rows.
  public func callAsFunction(_ logits: consuming Variable, probabilities: Tensor) -> Variable {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    precondition(
      probabilities.shape == logits.shape,
      "SoftCrossEntropy: logits \(logits.shape), probabilities \(probabilities.shape)")
    let loss = crossEntropy(logits, temperature: temperature, tasks: rows, name: "soft cross-entropy") {
      row, compare in
      compare(row, probabilities.pointer + row * classes, 1, 1 / Float(rows))
    }
    withExtendedLifetime(probabilities) {}
    return loss
  }
}

/// Compares one row of logits with a target row whose entries sum to `mass`; the row's cross-entropy counts
/// `weight` times. Of a row with weight 0 the target is not read.
typealias RowComparison = (_ row: Int, _ target: UnsafePointer<Float>, _ mass: Float, _ weight: Float) -> Void

/// A weighted sum of rows' cross-entropies, [1], of logits [N, K]; value and gradient are found in one sweep,
/// and the gradient takes the logits' own memory if the caller gives them up.
///
/// `body` is called once for each task, on any thread, and must compare every row once, whichever task it
/// belongs to.
func crossEntropy(
  _ logits: consuming Variable, temperature: Float, tasks: Int, name: String,
  _ body: (_ task: Int, _ compare: RowComparison) -> Void
) -> Variable {
  let (rows, classes) = (logits.shape[0], logits.shape[1])
  let isTracked = logits.isTracked
  var (x, source) = logits.taken()
  let gradient =
    !isTracked
    ? Tensor(uninitialized: [1]) : x.isUniquelyReferenced() ? x : Tensor(uninitialized: x.shape)
  let losses = UnsafeMutablePointer<Double>.allocate(capacity: rows)
  defer { losses.deallocate() }
  profiled(name, Work(numbers: 2 * x.count)) {
    let (from, to) = (x.pointer, gradient.pointer)
    ThreadPool.shared.forEach(tasks) { task in
      body(task) { row, target, mass, weight in
        let start = row * classes
        if weight == 0 {
          losses[row] = 0
          if isTracked { (to + start).update(repeating: 0, count: classes) }
          return
        }
        var logSum: Float = 0
        losses[row] =
          Double(weight) * em_cross_entropy(from + start, target, mass, temperature, classes, &logSum)
        if isTracked {
          em_cross_entropy_backward(
            from + start, target, mass, temperature, logSum, weight, classes, to + start)
        }
      }
    }
  }
  withExtendedLifetime(x) {}
  let total = (0..<rows).reduce(0.0) { $0 + losses[$1] }
  return record(Tensor([Float(total)], [1]), [source], KnownGradientBackward(gradient: gradient))
}
