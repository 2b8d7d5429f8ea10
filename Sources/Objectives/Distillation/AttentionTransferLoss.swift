import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Attention transfer (Zagoruyko and Komodakis 2017, arXiv:1612.03928, section 3.1, eq. 2): where the
/// student's and the teacher's features are strong, whatever their channels.
///
/// A map's attention is the sum over channels of its squares, brought to length 1; the loss is the mean over
/// images of |Q_s − Q_t|, the distance itself as in the paper. The authors' code takes the mean of squared
/// differences in place of it.
public struct AttentionTransferLoss: Sendable {
  /// Norms of attention below this are cut, so that a map of zeros has no direction and no gradient.
  private let epsilon = 1e-12

  /// The loss has no settings; the paper multiplies it by β/2, β being about 0.1
  /// when batch and places have been divided by.
  public init() {}

  /// Whether maps of two shapes can be compared: equal batch, and sizes that are equal or, both axes of the
  /// same side, whole multiples of the other's. Channels need not agree.
  public static func canCompare(_ student: Shape, _ teacher: Shape) -> Bool {
    if student.rank == 2 { return student == teacher }
    guard student.rank == 4, teacher.rank == 4, student[0] == teacher[0] else { return false }
    func pools(_ large: Shape, to small: Shape) -> Bool {
      [1, 2].allSatisfy { small[$0] > 0 && large[$0] % small[$0] == 0 }
    }
    return student.count > 0 && (pools(student, to: teacher) || pools(teacher, to: student))
  }

  /// student: [N, H, W, C] features or [N, P] attention of a transformer's patches, teacher: the same with
  /// its own channels -> [1]. The teacher is a constant.
  ///
  /// Of maps of different sizes the larger attention is averaged over windows until they agree (the paper
  /// interpolates attention too); `canCompare` says whether that can be done.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    precondition(
      Self.canCompare(student.shape, teacher.shape),
      "AttentionTransferLoss: student \(student.shape), teacher \(teacher.shape)")
    let (x, batch) = (student.value, student.shape[0])
    let (ours, theirs) = (Layout(student.shape), Layout(teacher.shape))
    let small = (rows: min(ours.rows, theirs.rows), columns: min(ours.columns, theirs.columns))
    let (places, epsilon) = (small.rows * small.columns, epsilon)
    let gradient = Tensor(uninitialized: x.shape)
    let distances = UnsafeMutablePointer<Double>.allocate(capacity: batch)
    defer { distances.deallocate() }
    profiled("attention transfer loss", Work(numbers: 2 * x.count + teacher.count)) {
      ThreadPool.shared.forEach(batch) { sample in
        let q = UnsafeMutablePointer<Double>.allocate(capacity: 2 * places)
        defer { q.deallocate() }
        let r = q + places
        let (from, to) = (x.pointer + sample * ours.count, gradient.pointer + sample * ours.count)
        let norm = ours.attention(from, small, epsilon, into: q)
        _ = theirs.attention(teacher.pointer + sample * theirs.count, small, epsilon, into: r)
        var (squares, along) = (0.0, 0.0)
        for i in 0..<places {
          squares += (q[i] - r[i]) * (q[i] - r[i])
          along += (q[i] - r[i]) * q[i]
        }
        distances[sample] = squares.squareRoot()
        // By the normalised attention, then by the attention; at distance 0 the norm's slope is taken as 0.
        let scale = squares == 0 || norm <= epsilon ? 0 : 1 / (distances[sample] * Double(batch) * norm)
        for i in 0..<places { r[i] = scale * (q[i] - r[i] - along * q[i]) }
        ours.back(r, from, small, into: to)
      }
    }
    withExtendedLifetime((x, teacher)) {}
    let mean = (0..<batch).reduce(0.0) { $0 + distances[$1] } / Double(max(batch, 1))
    return record(Tensor([Float(mean)], [1]), [student], KnownGradientBackward(gradient: gradient))
  }

  /// How one image's features lie: a row of channels at each place, or attention itself.
  private struct Layout {
    let rows, columns, channels: Int
    let isAttention: Bool
    var count: Int { rows * columns * channels }

    init(_ shape: Shape) {
      isAttention = shape.rank == 2
      rows = isAttention ? 1 : shape[1]
      columns = isAttention ? shape[1] : shape[2]
      channels = isAttention ? 1 : shape[3]
    }

    /// The attention at the smaller size, brought to length 1; returns the length it had.
    func attention(
      _ x: UnsafePointer<Float>, _ small: (rows: Int, columns: Int), _ epsilon: Double,
      into q: UnsafeMutablePointer<Double>
    ) -> Double {
      let (places, down, across) = (small.rows * small.columns, rows / small.rows, columns / small.columns)
      q.update(repeating: 0, count: places)
      for row in 0..<rows {
        for column in 0..<columns {
          let at = x + (row * columns + column) * channels
          var energy = isAttention ? Double(at[0]) : 0
          if !isAttention { for i in 0..<channels { energy += Double(at[i]) * Double(at[i]) } }
          q[row / down * small.columns + column / across] += energy / Double(down * across)
        }
      }
      let norm = (0..<places).reduce(0.0) { $0 + q[$1] * q[$1] }.squareRoot()
      for i in 0..<places { q[i] /= max(norm, epsilon) }
      return norm
    }

    /// Slopes by the pooled attention -> slopes by the features.
    func back(
      _ slopes: UnsafePointer<Double>, _ x: UnsafePointer<Float>, _ small: (rows: Int, columns: Int),
      into dx: UnsafeMutablePointer<Float>
    ) {
      let (down, across) = (rows / small.rows, columns / small.columns)
      for row in 0..<rows {
        for column in 0..<columns {
          let place = (row * columns + column) * channels
          let slope = slopes[row / down * small.columns + column / across]
          let factor = Float(2 * slope / Double(down * across))
          if isAttention {
            dx[place] = Float(slope)
          } else {
            for i in place..<place + channels { dx[i] = factor * x[i] }
          }
        }
      }
    }
  }
}
