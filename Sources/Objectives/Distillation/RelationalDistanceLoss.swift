import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Relational distillation by distances (Park et al. 2019, arXiv:1904.05068, section 3.2.1): the student
/// keeps how far the images of a batch are from each other, in units of their mean distance.
///
/// Smooth L1 of d/μ of student and teacher, μ being the mean distance of a side's pairs of different rows,
/// and the mean over these pairs, where the paper has the sum: the weight need not change with the batch.
/// The authors' code averages over N² entries, the N of a row with itself included, and leaves rows that
/// coincide out of μ.
public struct RelationalDistanceLoss: Sendable {
  /// The loss has no settings; the paper gives it the weight 1 in metric learning and 25 beside a
  /// cross-entropy with labels.
  public init() {}

  /// student: [N, D], teacher: [N, E] features of the same images, of any widths -> [1]. The teacher is a
  /// constant. Rows that coincide do not pull at each other, and one row alone costs nothing.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    relationLoss(student, teacher, name: "relational distance loss") { s, t, slopes in
      let count = s.count
      let pairs = Double(count * (count - 1))
      if count < 2 { return 0 }
      s.setDistances(s)
      t.setDistances(t)
      func mean(_ d: Relations) -> Double {
        (0..<count).reduce(0.0) { total, i in (0..<count).reduce(total) { $0 + d[i, $1] } } / pairs
      }
      let (ours, theirs) = (mean(s), mean(t))
      func inverse(_ mean: Double) -> Double { mean > 0 ? 1 / mean : 0 }
      let (unit, other) = (inverse(ours), inverse(theirs))
      var (loss, along) = (0.0, 0.0)
      for i in 0..<count {
        for j in 0..<count where j != i {
          let (value, slope) = smoothL1(s[i, j] * unit - t[i, j] * other)
          loss += value / pairs
          along += slope * s[i, j] * unit / pairs
          slopes[i, j] = slope
        }
      }
      // By a distance, of which the mean has a share; then by the products, d² = ii + jj − 2 ij.
      for i in 0..<count {
        var own = 0.0
        for j in 0..<count where j != i {
          let slope = (slopes[i, j] - along) * unit / pairs
          let part = s[i, j] > 0 ? slope / s[i, j] : 0
          slopes[i, j] = -part
          own += part
        }
        slopes[i, i] = own
      }
      return loss
    }
  }
}
