import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Relational distillation by angles (Park et al. 2019, arXiv:1904.05068, section 3.2.2): the student keeps
/// the angles that three images of a batch make.
///
/// Smooth L1 of the cosines at the middle one of every three different rows, and the mean over these, where
/// the paper has the sum. The authors' code averages over N³ entries, those with a row twice included.
/// Cosines come from inner products, three to each, so the work is N³ numbers and not N³ · D, and no more
/// than some N × N matrices are kept.
public struct RelationalAngleLoss: Sendable {
  /// The loss has no settings; the paper gives it the weight 2 in metric learning and 50 beside a
  /// cross-entropy with labels.
  public init() {}

  /// student: [N, D], teacher: [N, E] features of the same images, of any widths -> [1]. The teacher is a
  /// constant. The cosine at rows that coincide is 0 and gives no gradient; fewer than three rows cost
  /// nothing.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    relationLoss(student, teacher, name: "relational angle loss") { s, t, slopes in
      let count = s.count
      if count < 3 { return 0 }
      let triples = Double(count * (count - 1) * (count - 2)) / 2
      // Vertices in blocks, each with sums of its own, which are added up in order.
      let blocks = Blocks(count, about: (count + 7) / 8)
      let matrix = count * count
      let numbers = UnsafeMutablePointer<Double>.allocate(capacity: blocks.count * (matrix + 1))
      defer { numbers.deallocate() }
      ThreadPool.shared.forEach(blocks.count) { index in
        let sums = Relations(numbers: numbers + index * (matrix + 1), count: count)
        sums.clear()
        let scratch = UnsafeMutablePointer<Double>.allocate(capacity: 4 * count)
        defer { scratch.deallocate() }
        sums.numbers[matrix] = blocks[index].reduce(0.0) {
          $0 + angles(at: $1, s, t, scratch, into: sums)
        }
      }
      var loss = 0.0
      for index in 0..<blocks.count {
        let part = numbers + index * (matrix + 1)
        loss += part[matrix] / triples
        for i in 0..<matrix { slopes.numbers[i] += part[i] / triples }
      }
      return loss
    }
  }

  /// The losses of all angles at row `vertex`, summed; adds their slopes by the student's inner products.
  private func angles(
    at vertex: Int, _ s: Relations, _ t: Relations, _ scratch: UnsafeMutablePointer<Double>,
    into slopes: Relations
  ) -> Double {
    let count = s.count
    let (ours, theirs) = (scratch, scratch + count)
    let (byFirst, byCosine) = (scratch + 2 * count, scratch + 3 * count)
    byFirst.update(repeating: 0, count: 2 * count)
    for k in 0..<count {
      for (g, inverses) in [(s, ours), (t, theirs)] {
        let square = g[k, k] + g[vertex, vertex] - 2 * g[vertex, k]
        inverses[k] = square > 0 ? 1 / square.squareRoot() : 0
      }
    }
    var (loss, sums) = (0.0, (0.0, 0.0, 0.0))
    for i in 0..<count where i != vertex {
      func arm(_ g: Relations, _ inverses: UnsafePointer<Double>) -> em_angles {
        em_angles(
          products: g.row(i), vertex: g.row(vertex), inverses: inverses,
          rest: g[vertex, vertex] - g[vertex, i], inverse: inverses[i])
      }
      withUnsafeMutablePointer(to: &sums) {
        $0.withMemoryRebound(to: Double.self, capacity: 3) {
          em_angle_differences(arm(s, ours), arm(t, theirs), i, slopes.row(i), byFirst, byCosine, $0)
        }
      }
      loss += sums.0
      byFirst[i] += sums.1
      byCosine[i] += sums.2
    }
    // The numerator is ik − ij − kj + jj, the cosine falls with each arm's length, and |i − j|² = ii + jj −
    // 2 ij.
    var own = 0.0
    for i in 0..<count where i != vertex {
      let byLength = -0.5 * ours[i] * ours[i] * byCosine[i]
      slopes[i, i] += byLength
      slopes[vertex, i] -= byFirst[i] + 2 * byLength
      own += 0.5 * byFirst[i] + byLength
    }
    slopes[vertex, vertex] += own
    return loss
  }
}
