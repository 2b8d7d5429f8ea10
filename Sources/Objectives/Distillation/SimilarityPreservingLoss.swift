import EmanateAutograd
import EmanateTensors

/// Similarity-preserving distillation (Tung and Mori 2019, arXiv:1907.09682, section 3, eq. 1 to 4): images
/// that the teacher's features find alike shall be alike for the student.
///
/// ‖G_t − G_s‖²/N², where G are the inner products of the batch's features with each row brought to length
/// 1, by the L2 norm as in the paper. torchdistill divides rows by their sums of magnitudes instead.
public struct SimilarityPreservingLoss: Sendable {
  /// The loss has no settings; the paper gives it the weight 3000.
  public init() {}

  /// student: [N, D], teacher: [N, E] features of the same images, maps flattened, of any widths -> [1]. The
  /// teacher is a constant. A row of zeros stays one.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    relationLoss(student, teacher, name: "similarity-preserving loss") { s, t, slopes in
      let count = s.count
      let scale = 1 / Double(count * count)
      var loss = 0.0
      for i in 0..<count {
        let (ours, theirs, slopes) = (s.row(i), t.row(i), slopes.row(i))
        func inverse(_ x: UnsafePointer<Double>) -> Double {
          let squares = (0..<count).reduce(0.0) { $0 + x[$1] * x[$1] }
          return squares > 0 ? 1 / squares.squareRoot() : 0
        }
        let (unit, other) = (inverse(ours), inverse(theirs))
        var along = 0.0
        for j in 0..<count {
          let difference = ours[j] * unit - theirs[j] * other
          loss += scale * difference * difference
          slopes[j] = 2 * scale * difference
          along += slopes[j] * ours[j] * unit
        }
        for j in 0..<count { slopes[j] = (slopes[j] - along * ours[j] * unit) * unit }
      }
      return loss
    }
  }
}
