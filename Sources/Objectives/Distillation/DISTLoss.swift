import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// DIST (Huang et al. 2022, arXiv:2205.10536, section 3): the student keeps the teacher's relations, by
/// Pearson's correlation ρ, among the classes of an image and among the images of a class.
///
/// T² (β · mean over images of (1 − ρ of their rows) + γ · mean over classes of (1 − ρ of their columns))
/// of class probabilities at T. T² is not in the paper, which has T = 1; common code multiplies by it.
public struct DISTLoss: Sendable {
  /// The weight of the correlation over classes, β.
  public let beta: Float
  /// The weight of the correlation over images, γ.
  public let gamma: Float
  /// What both sides' logits are divided by, T.
  public let temperature: Float

  /// The weights of the two correlations and a temperature; the paper's recipe gives the loss the weight 2.
  public init(beta: Float = 1, gamma: Float = 1, temperature: Float = 1) {
    precondition(temperature > 0, "DISTLoss: temperature \(temperature); above 0 is needed")
    (self.beta, self.gamma, self.temperature) = (beta, gamma, temperature)
  }

  /// student, teacher: [N, C] logits -> [1]. The teacher is a constant.
  ///
  /// Where one side does not vary (by 1e-14) ρ counts as 0, where neither does as 1, and no gradient comes
  /// from there: the columns of a single row are of this kind.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    checkLogits("DISTLoss", student, teacher)
    let (rows, classes, x) = (student.shape[0], student.shape[1], student.value)
    let (factor, scale) = (1 / Double(temperature), Double(temperature) * Double(temperature))
    let (byRow, byColumn) = (
      scale * Double(beta) / Double(max(rows, 1)), scale * Double(gamma) / Double(classes)
    )
    let count = rows * classes
    let gradient = Tensor(uninitialized: x.shape)
    // Both sides' probabilities, their slopes, and the terms of rows and columns.
    let numbers = UnsafeMutablePointer<Double>.allocate(capacity: 3 * count + rows + classes)
    defer { numbers.deallocate() }
    let (p, q, slopes, terms) = (numbers, numbers + count, numbers + 2 * count, numbers + 3 * count)
    profiled("DIST loss", Work(numbers: 3 * x.count)) {
      ThreadPool.shared.forEach(rows) { row in
        let scratch = UnsafeMutablePointer<Double>.allocate(capacity: 2 * classes)
        defer { scratch.deallocate() }
        for (side, to) in [(x, p), (teacher, q)] {
          let shares = SoftRow(
            side.pointer + row * classes, factor: factor, count: classes, in: scratch
          ).shares
          (to + row * classes).update(from: shares, count: classes)
        }
        let at = row * classes
        (slopes + at).update(repeating: 0, count: classes)
        terms[row] = byRow * distance(p + at, q + at, classes, stride: 1, byRow, into: slopes + at)
      }
      ThreadPool.shared.forEach(rows == 0 ? 0 : classes) { column in
        terms[rows + column] =
          byColumn
          * distance(p + column, q + column, rows, stride: classes, byColumn, into: slopes + column)
      }
      ThreadPool.shared.forEach(rows) { row in
        let (p, slopes, to) = (
          p + row * classes, slopes + row * classes, gradient.pointer + row * classes
        )
        let mean = (0..<classes).reduce(0.0) { $0 + p[$1] * slopes[$1] }
        for i in 0..<classes { to[i] = Float(factor * p[i] * (slopes[i] - mean)) }
      }
    }
    withExtendedLifetime((x, teacher)) {}
    let total = rows == 0 ? 0 : (0..<rows + classes).reduce(0.0) { $0 + terms[$1] }
    return record(Tensor([Float(total)], [1]), [student], KnownGradientBackward(gradient: gradient))
  }

  /// 1 − ρ of two series; adds `weight` times its slopes by the first one to `slopes`.
  private func distance(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, stride: Int, _ weight: Double,
    into slopes: UnsafeMutablePointer<Double>
  ) -> Double {
    var (meanA, meanB) = (0.0, 0.0)
    for i in 0..<count {
      meanA += a[i * stride] / Double(count)
      meanB += b[i * stride] / Double(count)
    }
    var (aa, bb, ab, differences) = (0.0, 0.0, 0.0, 0.0)
    for i in 0..<count {
      let (u, v) = (a[i * stride] - meanA, b[i * stride] - meanB)
      aa += u * u
      bb += v * v
      ab += u * v
      differences += (a[i * stride] - b[i * stride]).magnitude
    }
    // Deviations that are nothing but rounding are none.
    let limit = 1e-28 * Double(count)
    if aa <= limit || bb <= limit { return aa <= limit && bb <= limit ? 0 : 1 }
    if differences == 0 { return 0 }
    let (lengths, correlation) = ((aa * bb).squareRoot(), ab / (aa * bb).squareRoot())
    for i in 0..<count {
      let (u, v) = (a[i * stride] - meanA, b[i * stride] - meanB)
      slopes[i * stride] -= weight * (v / lengths - correlation * u / aa)
    }
    return 1 - correlation
  }
}
