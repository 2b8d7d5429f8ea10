import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// iBOT's objective as DINOv2 has it (Zhou et al. 2022, arXiv:2111.07832, eq. 2; Oquab et al. 2023,
/// arXiv:2304.07193, section 4): the student guesses at masked patches what the teacher says of the same
/// patches unmasked.
///
/// The mean over each crop's masked patches, averaged over all global crops, those without a mask included
/// (DINOv2's `masks_weight` and its division by the number of crops).
public struct IBOTLoss: Sendable {
  /// Makes the teacher's logits into targets; its center is that of patches, apart from the class token's.
  /// With `.sinkhorn` all masked patches of the batch are scaled together.
  public private(set) var targets: TeacherTargets
  /// What the student's logits are divided by, τ_s.
  public let studentTemperature: Float

  /// A loss over K prototypes.
  public init(
    prototypes: Int, studentTemperature: Float = 0.1, centerMomentum: Float = 0.9, centering: Centering = .ema
  ) {
    targets = TeacherTargets(prototypes: prototypes, centering: centering, centerMomentum: centerMomentum)
    self.studentTemperature = studentTemperature
  }

  /// What is subtracted from the teacher's logits, [K]; starts at 0.
  public var center: Tensor { targets.center }

  /// Puts a saved center back.
  public mutating func setCenter(_ center: Tensor) { targets.setCenter(center) }

  /// The loss, a scalar [1], 0 where nothing is masked; `noteTeacher` and, once the whole batch is through,
  /// `moveCenter` come after it.
  ///
  /// student, teacher: [M, K] logits of the masked patches, in one order. weights: M numbers, one over the
  /// number of masked patches in the patch's crop. crops: how many global crops there are, masked or not. The
  /// gradient is found in the same call, in the logits' own memory if the caller gives them up.
  public mutating func callAsFunction(
    student: consuming Variable, teacher: Tensor, weights: [Float], crops: Int, teacherTemperature: Float
  ) -> Variable {
    let (rows, prototypes) = (student.shape[0], student.shape[1])
    precondition(
      teacher.shape == student.shape && weights.count == rows && crops > 0,
      "IBOTLoss: student \(student.shape), teacher \(teacher.shape), \(weights.count) weights, \(crops) crops"
    )
    let probabilities = targets(teacher, temperature: teacherTemperature)
    let loss = crossEntropy(student, temperature: studentTemperature, tasks: rows, name: "iBOT loss") {
      row, compare in
      compare(row, probabilities.pointer + row * prototypes, 1, weights[row] / Float(crops))
    }
    withExtendedLifetime(probabilities) {}
    return loss
  }

  /// Adds the teacher's raw logits of a batch's masked patches, or of a part of them, [M, K], to what the
  /// center moves by.
  public mutating func noteTeacher(_ teacher: Tensor) { targets.note(teacher) }

  /// c ← m c + (1 − m) · mean of the logits noted since the last move; a batch without masks leaves it where
  /// it is.
  public mutating func moveCenter() { targets.moveCenter() }
}
