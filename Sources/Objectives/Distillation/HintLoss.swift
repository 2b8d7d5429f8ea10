import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// FitNets' hint (Romero et al. 2015, arXiv:1412.6550, section 2.2, eq. 3): the squared difference of the
/// student's features, through a learned regressor, and the teacher's.
///
/// The mean over all elements, so that its size does not depend on batch and width; the paper has half the
/// sum of an image's squared differences.
public struct HintLoss: Sendable {
  /// The loss has no settings.
  public init() {}

  /// student, teacher: features of any one shape -> [1]. The student comes from a regressor where widths
  /// differ; the teacher is a constant.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    precondition(
      teacher.shape == student.shape, "HintLoss: student \(student.shape), teacher \(teacher.shape)")
    let (x, count) = (student.value, student.shape.count)
    let gradient = Tensor(uninitialized: x.shape)
    let blocks = Blocks(count, about: 1 << 14)
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: blocks.count)
    defer { sums.deallocate() }
    let scale = 2 / Float(max(count, 1))
    profiled("hint loss", Work(numbers: 3 * count)) {
      let (a, b, to) = (x.pointer, teacher.pointer, gradient.pointer)
      ThreadPool.shared.forEach(blocks.count) { index in
        let part = blocks[index]
        for i in part { to[i] = a[i] - b[i] }
        sums[index] = em_sum_of_squares(to + part.lowerBound, part.count)
        em_scale(to + part.lowerBound, scale, part.count)
      }
    }
    withExtendedLifetime((x, teacher)) {}
    let mean = (0..<blocks.count).reduce(0.0) { $0 + sums[$1] } / Double(max(count, 1))
    return record(Tensor([Float(mean)], [1]), [student], KnownGradientBackward(gradient: gradient))
  }
}
