import EmanateAutograd
import EmanateTensors

/// Deep mutual learning (Zhang et al. 2018, arXiv:1706.00384, section 2.2 and eq. 8): the mean divergence of a student
/// from each of the others, which are constants to it.
///
/// mean over k of KL(p_k ‖ p_student), at temperature 1 as in the paper, else times T².
public struct MutualLearningLoss: Sendable {
  /// What all logits are divided by, T.
  public let temperature: Float

  /// A loss at a temperature; the paper has 1.
  public init(temperature: Float = 1) {
    precondition(temperature > 0, "MutualLearningLoss: temperature \(temperature); above 0 is needed")
    self.temperature = temperature
  }

  /// student: [N, C] logits, others: logits of the other students, [N, C] each, one at least -> [1], the mean over rows,
  /// in nats.
  public func callAsFunction(student: Variable, others: [Tensor]) -> Variable {
    precondition(!others.isEmpty, "MutualLearningLoss: one student alone")
    for other in others { checkLogits("MutualLearningLoss", student, other) }
    let (classes, factor) = (student.shape[1], 1 / Double(temperature))
    let share = 1 / Double(others.count)
    let loss = meanOverRows(student, name: "mutual learning loss", scratch: 4 * classes) {
      row, x, scratch, slopes in
      let own = SoftRow(x, factor: factor, count: classes, in: scratch)
      var sum = 0.0
      for i in 0..<classes { slopes[i] = 0 }
      for other in others {
        let theirs = SoftRow(
          other.pointer + row * classes, factor: factor, count: classes, in: scratch + 2 * classes)
        sum += theirs.divergence(to: own)
        for i in 0..<classes { slopes[i] += own.shares[i] - theirs.shares[i] }
      }
      for i in 0..<classes { slopes[i] *= share / factor }
      return share / (factor * factor) * sum
    }
    return withExtendedLifetime(others) { loss }
  }
}
