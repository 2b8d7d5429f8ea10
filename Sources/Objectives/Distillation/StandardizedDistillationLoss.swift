import EmanateAutograd
import EmanateTensors

/// Distillation of standardized logits (Sun et al. 2024, arXiv:2403.01427, section 4.2 and algorithm 1):
/// each row of both sides becomes its z-score before softmax, so that the student need not match the
/// teacher's range.
///
/// T²·KL of softmax((z − mean)/(deviation · T)). The deviation is over the C classes, divided by C as the
/// paper has it; the authors' code takes PyTorch's `std`, which divides by C − 1.
public struct StandardizedDistillationLoss: Sendable {
  /// What the z-scores are divided by, T.
  public let temperature: Float
  /// Is added to deviations, as in the authors' code.
  private let epsilon = 1e-7

  /// A loss at a temperature; 2 is the paper's.
  public init(temperature: Float = 2) {
    precondition(temperature > 0, "StandardizedDistillationLoss: temperature \(temperature)")
    self.temperature = temperature
  }

  /// student, teacher: [N, C] logits -> [1], the mean over rows, in nats. The teacher is a constant. A row of
  /// equal logits has no z-score: its probabilities are equal and its gradient is 0.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    checkLogits("StandardizedDistillationLoss", student, teacher)
    let (classes, temperature) = (student.shape[1], Double(temperature))
    let name = "standardized distillation loss"
    return meanOverRows(student, name: name, scratch: 4 * classes) { row, x, scratch, slopes in
      let y = teacher.pointer + row * classes
      let (ours, theirs) = (moments(x, classes), moments(y, classes))
      let s = SoftRow(
        x, shift: ours.mean, factor: 1 / ((ours.deviation + epsilon) * temperature), count: classes,
        in: scratch)
      let t = SoftRow(
        y, shift: theirs.mean, factor: 1 / ((theirs.deviation + epsilon) * temperature), count: classes,
        in: scratch + 2 * classes)
      // By the z-scores first, then through the deviation. Through the mean nothing goes: these slopes sum to 0.
      let width = ours.deviation + epsilon
      var along = 0.0
      for i in 0..<classes {
        slopes[i] = temperature * (s.shares[i] - t.shares[i])
        along += slopes[i] * (Double(x[i]) - ours.mean)
      }
      for i in 0..<classes {
        let own = (Double(x[i]) - ours.mean) / (Double(classes) * ours.deviation)
        slopes[i] = ours.deviation == 0 ? 0 : (slopes[i] - along / width * own) / width
      }
      return temperature * temperature * t.divergence(to: s)
    }
  }

  private func moments(_ x: UnsafePointer<Float>, _ count: Int) -> (mean: Double, deviation: Double) {
    let mean = (0..<count).reduce(0.0) { $0 + Double(x[$1]) } / Double(count)
    let squares = (0..<count).reduce(0.0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) }
    return (mean, (squares / Double(count)).squareRoot())
  }
}
