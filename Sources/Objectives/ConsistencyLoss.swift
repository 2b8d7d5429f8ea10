import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Mean Teacher's consistency cost (Tarvainen and Valpola 2017, arXiv:1703.01780, section 2): the squared
/// difference of the student's and the teacher's class probabilities, averaged over images and classes.
public struct ConsistencyLoss: Sendable {
  /// The loss has no settings.
  public init() {}

  /// student, teacher: [N, C] logits of the same images, with or without labels -> [1]. The teacher is a
  /// constant; the gradient is found in the same call.
  public func callAsFunction(_ student: Variable, teacher: Tensor) -> Variable {
    let (rows, classes) = (student.shape[0], student.shape[1])
    precondition(
      teacher.shape == student.shape && student.shape.count > 0,
      "ConsistencyLoss: student \(student.shape), teacher \(teacher.shape)")
    let (x, isTracked) = (student.value, student.isTracked)
    let gradient = Tensor(uninitialized: x.shape)
    let distances = UnsafeMutablePointer<Float>.allocate(capacity: rows)
    defer { distances.deallocate() }
    profiled("consistency loss", Work(numbers: 3 * x.count)) {
      ThreadPool.shared.forEach(rows) { row in
        let target = Tensor(uninitialized: [classes])
        let p = gradient.pointer + row * classes
        em_softmax(x.pointer + row * classes, nil, 1, classes, p)
        em_softmax(teacher.pointer + row * classes, nil, 1, classes, target.pointer)
        distances[row] = em_softmax_distance(
          p, target.pointer, 1 / Float(rows * classes), classes, isTracked ? p : nil)
        withExtendedLifetime(target) {}
      }
    }
    withExtendedLifetime((x, teacher)) {}
    let mean = (0..<rows).reduce(0.0) { $0 + Double(distances[$1]) } / Double(rows * classes)
    return record(Tensor([Float(mean)], [1]), [student], KnownGradientBackward(gradient: gradient))
  }

  /// The share of its greatest weight that the loss has while it is ramped up, exp(−5 (1 − t)²): e⁻⁵ at
  /// first, 1 from the end of the ramp on (Laine and Aila 2017, arXiv:1610.02242, section 3, and Mean
  /// Teacher's appendix B).
  ///
  /// - Parameter progress: t, the part of the ramp that is done; taken as 0 or 1 where it is outside.
  public static func rampUp(at progress: Double) -> Double {
    let rest = 1 - min(max(progress, 0), 1)
    return exponential(-5 * rest * rest)
  }
}
