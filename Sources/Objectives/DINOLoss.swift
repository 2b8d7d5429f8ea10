import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// DINO's objective (Caron et al. 2021, arXiv:2104.14294, section 3.1 and algorithm 1): the cross-entropy of
/// student views against centered and sharpened teacher views, averaged over all pairs of different views.
public struct DINOLoss: Sendable {
  /// What is subtracted from the teacher's logits, [K]; starts at 0.
  public private(set) var center: Tensor
  /// What the student's logits are divided by, τ_s.
  public let studentTemperature: Float
  /// The share of the old center that is kept, m in eq. 4.
  public let centerMomentum: Float
  /// Whether the teacher's logits are centered at all; without it training collapses to one prototype.
  public let isCentered: Bool

  /// A loss over K prototypes.
  public init(
    prototypes: Int, studentTemperature: Float = 0.1, centerMomentum: Float = 0.9, isCentered: Bool = true
  ) {
    center = Tensor(repeating: 0, [prototypes])
    self.studentTemperature = studentTemperature
    self.centerMomentum = centerMomentum
    self.isCentered = isCentered
  }

  /// The sum of the teacher's raw logits since the center moved, [K], and of how many rows.
  private var noted: (sum: Tensor, rows: Int)?
  /// The entropies of the targets since the center moved, summed, and of how many rows.
  private var entropy = (sum: 0.0, rows: 0)

  /// Of the last batch: the mean entropy of the teacher's sharpened targets and the center's norm. A loss that
  /// stays at ln K with the entropy at ln K means uniform outputs; an entropy near 0 with a loss near 0, one
  /// prototype for all.
  public private(set) var measures: [(name: String, value: Double)] = []

  /// Puts a saved center back.
  public mutating func setCenter(_ center: Tensor) {
    precondition(
      center.count == self.center.count, "DINOLoss: a center of \(center.count), not \(self.center.count)")
    self.center = center.copied().reshaped(self.center.shape)
  }

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
    let pairs = globalViews * views - globalViews

    let targets = Tensor(uninitialized: teacher.shape)
    let teacherRows = teacher.shape[0]
    let entropies = UnsafeMutablePointer<Double>.allocate(capacity: teacherRows)
    defer { entropies.deallocate() }
    let (center, isCentered) = (center, isCentered)
    profiled("DINO loss", Work(numbers: 2 * teacher.count)) {
      ThreadPool.shared.forEach(teacher.shape[0]) { row in
        em_softmax(
          teacher.pointer + row * prototypes, isCentered ? center.pointer : nil, teacherTemperature,
          prototypes,
          targets.pointer + row * prototypes)
        entropies[row] = em_entropy(targets.pointer + row * prototypes, prototypes)
      }
    }

    let isTracked = student.isTracked
    var (logits, source) = student.taken()
    // The gradient takes the logits' place if nobody else reads them.
    let gradient =
      !isTracked
      ? Tensor(uninitialized: [1])
      : logits.isUniquelyReferenced() ? logits : Tensor(uninitialized: logits.shape)
    let (temperature, scale) = (studentTemperature, 1 / Float(pairs * batch))
    let losses = UnsafeMutablePointer<Double>.allocate(capacity: rows)
    defer { losses.deallocate() }
    profiled("DINO loss", Work(numbers: 2 * logits.count)) {
      // A sample's views share the sum of its targets.
      ThreadPool.shared.forEach(batch) { sample in
        let sum = Tensor(uninitialized: [prototypes])
        for view in 0..<views {
          let row = view * batch + sample
          let others = (0..<globalViews).filter { $0 != view }
          if others.isEmpty {  // the only global view has nothing to be compared with
            losses[row] = 0
            if isTracked { (gradient.pointer + row * prototypes).update(repeating: 0, count: prototypes) }
            continue
          }
          sum.pointer.update(
            from: targets.pointer + (others[0] * batch + sample) * prototypes, count: prototypes)
          for other in others.dropFirst() {
            em_add(sum.pointer, targets.pointer + (other * batch + sample) * prototypes, 1, prototypes)
          }
          let x = logits.pointer + row * prototypes
          var logSum: Float = 0
          losses[row] = em_cross_entropy(
            x, sum.pointer, Float(others.count), temperature, prototypes, &logSum)
          if isTracked {
            em_cross_entropy_backward(
              x, sum.pointer, Float(others.count), temperature, logSum, scale, prototypes,
              gradient.pointer + row * prototypes)
          }
        }
        withExtendedLifetime(sum) {}
      }
    }
    withExtendedLifetime((targets, teacher)) {}
    if noted == nil { entropy = (0, 0) }  // the first part of a batch
    entropy = (entropy.sum + (0..<teacherRows).reduce(0.0) { $0 + entropies[$1] }, entropy.rows + teacherRows)
    measures = [
      ("teacherEntropy", entropy.sum / Double(entropy.rows)),
      ("centerNorm", em_sum_of_squares(center.pointer, prototypes).squareRoot()),
    ]
    let total = (0..<rows).reduce(0.0) { $0 + losses[$1] }
    return record(
      Tensor([Float(total / Double(pairs * batch))], [1]), [source],
      KnownGradientBackward(gradient: gradient))
  }

  /// Adds the teacher's raw logits of a batch, or of a part of one, [G·B, K], to what the center moves by.
  public mutating func noteTeacher(_ teacher: Tensor) {
    let (rows, prototypes) = (teacher.shape[0], teacher.shape[1])
    let isFirst = noted == nil
    let sum = noted?.sum ?? Tensor(uninitialized: center.shape)
    let blocks = Blocks(prototypes, about: 4096)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      em_column_sums(
        teacher.pointer + part.lowerBound, rows, part.count, prototypes, sum.pointer + part.lowerBound,
        isFirst ? 0 : 1)
    }
    noted = (sum, (noted?.rows ?? 0) + rows)
  }

  /// Eq. 4: c ← m c + (1 − m) · mean of the teacher's logits noted since the last move.
  public mutating func moveCenter() {
    guard let (sum, rows) = noted else { return }
    noted = nil
    let (old, momentum) = (center, centerMomentum)
    let blocks = Blocks(sum.count, about: 4096)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      let to = sum.pointer + part.lowerBound
      em_scale(to, (1 - momentum) / Float(rows), part.count)
      em_add(to, old.pointer + part.lowerBound, momentum, part.count)
    }
    center = sum
  }

  /// Moves the center by the logits of one whole batch, [G·B, K].
  public mutating func updateCenter(teacher: Tensor) {
    noteTeacher(teacher)
    moveCenter()
  }
}
