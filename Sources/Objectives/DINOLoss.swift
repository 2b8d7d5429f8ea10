import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// DINO's objective (Caron et al. 2021, arXiv:2104.14294, section 3.1 and algorithm 1): the cross-entropy of
/// student views against centered and sharpened teacher views, averaged over all pairs of different views.
public struct DINOLoss: Sendable {
  /// Makes the teacher's logits into targets; has the center.
  ///
  /// With `.sinkhorn` the rows of all the teacher's views are scaled together, as DINOv2 does with both
  /// global crops (ssl_meta_arch.py gives `sinkhorn_knopp_teacher` one matrix of 2B rows); SwAV scales each
  /// crop's rows alone.
  public private(set) var targets: TeacherTargets
  /// What the student's logits are divided by, τ_s.
  public let studentTemperature: Float

  /// A loss over K prototypes; without centering training collapses to one prototype.
  public init(
    prototypes: Int, studentTemperature: Float = 0.1, centerMomentum: Float = 0.9, centering: Centering = .ema
  ) {
    targets = TeacherTargets(prototypes: prototypes, centering: centering, centerMomentum: centerMomentum)
    self.studentTemperature = studentTemperature
  }

  /// What is subtracted from the teacher's logits, [K]; starts at 0.
  public var center: Tensor { targets.center }

  /// Of the last batch: `teacherEntropy`, the mean entropy of the teacher's sharpened targets; under `.ema`
  /// `centerNorm`; `lossOverLogPrototypes`, the loss over ln K; `teacherStudentKL`, the loss less the targets'
  /// entropy; `meanTargetEntropy`. Entropies are in nats. A loss that stays at ln K with the entropy at ln K means
  /// uniform outputs; an entropy of the mean target near 0, one prototype for all.
  public var measures: [(name: String, value: Double)] {
    guard let statistics = targets.statistics, compared.rows > 0 else { return [] }
    let loss = compared.sum / Double(compared.rows)
    return targets.measures + [
      ("lossOverLogPrototypes", loss / logarithm(Double(statistics.prototypes))),
      ("teacherStudentKL", loss - statistics.meanEntropy), ("meanTargetEntropy", statistics.entropyOfMean),
    ]
  }

  /// The losses of a batch's parts, each times its images, and of how many images.
  private var compared = (sum: 0.0, rows: 0)
  private var isInsideBatch = false

  /// Puts a saved center back.
  public mutating func setCenter(_ center: Tensor) { targets.setCenter(center) }

  /// The loss, a scalar [1]; `noteTeacher` and, once the whole batch is through, `moveCenter` come after it.
  ///
  /// student: [V·B, K] and teacher: [G·B, K] logits, view by view; the first G student views are the
  /// teacher's views. One log-softmax a student row serves all teacher views: their targets are summed first.
  /// The logits' gradient is found in the same call, in the logits' own memory if the caller gives them up.
  public mutating func callAsFunction(
    student: consuming Variable, teacher: Tensor, globalViews: Int, teacherTemperature: Float
  ) -> Variable {
    let (rows, prototypes) = (student.shape[0], student.shape[1])
    precondition(
      globalViews > 0 && teacher.shape[0] % globalViews == 0 && teacher.shape[1] == prototypes
        && center.count == prototypes,
      "DINOLoss: student \(student.shape), teacher \(teacher.shape), \(globalViews) views")
    let batch = teacher.shape[0] / globalViews
    precondition(
      rows % batch == 0 && rows / batch >= max(globalViews, 2),
      "DINOLoss: \(rows) student rows are not at least two whole views of \(batch)")
    let views = rows / batch
    let weight = 1 / Float((globalViews * views - globalViews) * batch)

    let probabilities = targets(teacher, temperature: teacherTemperature)
    // A sample's views share the sum of its targets.
    let loss = crossEntropy(student, temperature: studentTemperature, tasks: batch, name: "DINO loss") {
      sample, compare in
      let sum = Tensor(uninitialized: [prototypes])
      for view in 0..<views {
        let others = (0..<globalViews).filter { $0 != view }
        for (index, other) in others.enumerated() {
          let target = probabilities.pointer + (other * batch + sample) * prototypes
          if index == 0 {
            sum.pointer.update(from: target, count: prototypes)
          } else {
            em_add(sum.pointer, target, 1, prototypes)
          }
        }
        // The only global view has nothing to be compared with.
        compare(view * batch + sample, sum.pointer, Float(others.count), others.isEmpty ? 0 : weight)
      }
      withExtendedLifetime(sum) {}
    }
    withExtendedLifetime(probabilities) {}
    if !isInsideBatch { compared = (0, 0) }
    compared = (compared.sum + Double(loss.scalar) * Double(batch), compared.rows + batch)
    return loss
  }

  /// Adds the teacher's raw logits of a batch, or of a part of one, [G·B, K], to what the center moves by.
  public mutating func noteTeacher(_ teacher: Tensor) {
    isInsideBatch = true
    targets.note(teacher)
  }

  /// Eq. 4: c ← m c + (1 − m) · mean of the teacher's logits noted since the last move.
  public mutating func moveCenter() {
    isInsideBatch = false
    targets.moveCenter()
  }

  /// Moves the center by the logits of one whole batch, [G·B, K].
  public mutating func updateCenter(teacher: Tensor) {
    noteTeacher(teacher)
    moveCenter()
  }
}
