import EmanateAutograd
import EmanateTensors

/// Hinton's distillation (Hinton et al. 2015, arXiv:1503.02531, section 2): the student's class probabilities
/// at a temperature against the teacher's at the same.
///
/// With p = softmax(z/T) the gradient of T²·KL(p_t ‖ p_s) by z_s is T (p_s − p_t): as T grows it tends to
/// ((z_s − mean) − (z_t − mean))/C, where that of the divergence alone falls as 1/T² (section 2.1).
/// torchdistill leaves T² out where there is no loss of labels beside it; here only `scaleByT2` says so.
public struct DistillationLoss: Sendable {
  /// What of the two distributions is taken.
  public enum Form: Hashable, Sendable {
    /// KL(teacher ‖ student), 0 where they agree.
    case kl
    /// −Σ p_t ln p_s: the same gradient, and the entropy of the teacher's distribution more.
    case crossEntropy
  }

  /// What both sides' logits are divided by, T.
  public let temperature: Float
  /// What is taken of the two distributions.
  public let form: Form
  /// Whether value and gradient are multiplied by T², so that they stay as large beside a loss at temperature
  /// 1 when T changes.
  public let scaleByT2: Bool

  /// A loss at a temperature; 4 is what most studies on CIFAR take, 1 to 2 what those on ImageNet do.
  public init(temperature: Float = 4, form: Form = .kl, scaleByT2: Bool = true) {
    precondition(temperature > 0, "DistillationLoss: temperature \(temperature); above 0 is needed")
    (self.temperature, self.form, self.scaleByT2) = (temperature, form, scaleByT2)
  }

  /// student, teacher: [N, C] logits -> [1], the mean over rows, in nats. The teacher is a constant.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    checkLogits("DistillationLoss", student, teacher)
    let (classes, factor) = (student.shape[1], 1 / Double(temperature))
    return compare(student) { row, scratch in
      SoftRow(teacher.pointer + row * classes, factor: factor, count: classes, in: scratch)
    }
  }

  /// student: [N, C] logits, probabilities: [N, C] at temperature T with rows that sum to 1, of
  /// `TeacherMixture`, say -> [1].
  public func callAsFunction(student: Variable, probabilities: Tensor) -> Variable {
    checkLogits("DistillationLoss", student, probabilities)
    let classes = student.shape[1]
    return compare(student) { row, scratch in
      SoftRow(probabilities: probabilities.pointer + row * classes, count: classes, in: scratch)
    }
  }

  private func compare(
    _ student: Variable, _ target: (_ row: Int, _ scratch: UnsafeMutablePointer<Double>) -> SoftRow
  ) -> Variable {
    let (classes, temperature) = (student.shape[1], Double(temperature))
    let scale = scaleByT2 ? temperature * temperature : 1
    return meanOverRows(student, name: "distillation loss", scratch: 4 * classes) { row, x, scratch, slopes in
      let s = SoftRow(x, factor: 1 / temperature, count: classes, in: scratch)
      let t = target(row, scratch + 2 * classes)
      for i in 0..<classes { slopes[i] = scale / temperature * (s.shares[i] - t.shares[i]) }
      return scale * (form == .kl ? t.divergence(to: s) : t.crossEntropy(with: s))
    }
  }
}

/// Both sides are [N, C] and alike.
func checkLogits(_ name: String, _ student: Variable, _ teacher: Tensor) {
  precondition(
    student.shape.rank == 2 && teacher.shape == student.shape && student.shape[1] > 0,
    "\(name): student \(student.shape), teacher \(teacher.shape); [N, C] of both is needed")
}
