import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Assigns a batch's rows to prototypes so that every prototype gets an equal share (Sinkhorn and Knopp 1967,
/// as in SwAV, Caron et al. 2020, arXiv:2006.09882, section 3.1 and algorithm 1, and in DINOv2's teacher).
///
/// Q = exp(z/τ); then `iterations` times: each prototype's entries are scaled to sum to 1/K, each row's to
/// 1/N; at last times N. The matrix itself is written twice only: scaling rows and columns is kept as two
/// vectors, Q = diag(u) E diag(v), where E = exp((z − greatest of the row)/τ) and u starts as exp((greatest
/// of the row − greatest of all)/τ). Nothing can overflow, and rows far below the greatest one keep their
/// digits; entries more than 87 τ below their row's greatest count as e⁻⁸⁷ of it.
public struct SinkhornKnopp: Sendable {
  /// How often both scalings are repeated; SwAV and DINOv2 take 3.
  public let iterations: Int

  /// A number of iterations, at least 1.
  public init(iterations: Int = 3) {
    precondition(iterations >= 1, "SinkhornKnopp: \(iterations) iterations; at least 1 is needed")
    self.iterations = iterations
  }

  /// logits: [N, K] -> [N, K]; rows sum to 1, columns to about N/K. What a row is given depends on all rows.
  public func callAsFunction(_ logits: Tensor, temperature: Float) -> Tensor {
    let (rows, prototypes) = (logits.shape[0], logits.shape[1])
    let assignment = Tensor(uninitialized: logits.shape)
    if logits.count == 0 { return assignment }
    let (from, q) = (logits.pointer, assignment.pointer)
    let u = UnsafeMutablePointer<Double>.allocate(capacity: rows + prototypes)
    defer { u.deallocate() }
    let v = u + rows
    profiled("Sinkhorn-Knopp", Work(numbers: (2 * iterations + 4) * logits.count)) {
      ThreadPool.shared.forEach(rows) { row in
        u[row] = Double(
          em_exp_below_greatest(from + row * prototypes, temperature, prototypes, q + row * prototypes))
      }
      let greatest = (0..<rows).reduce(-Double.infinity) { max($0, u[$1]) }
      for row in 0..<rows { u[row] = exponential((u[row] - greatest) / Double(temperature)) }
      let columns = Blocks(prototypes, about: 1024)
      for _ in 0..<iterations {
        ThreadPool.shared.forEach(columns.count) { index in
          let part = columns[index]
          em_weighted_column_sums(
            q + part.lowerBound, rows, part.count, prototypes, u, v + part.lowerBound)
          for column in part { v[column] = 1 / (Double(prototypes) * v[column]) }
        }
        ThreadPool.shared.forEach(rows) { row in
          u[row] = 1 / (Double(rows) * em_weighted_sum(q + row * prototypes, v, prototypes))
        }
      }
      ThreadPool.shared.forEach(rows) { row in
        em_scale_each(q + row * prototypes, v, Double(rows) * u[row], prototypes)
      }
    }
    withExtendedLifetime(logits) {}
    return assignment
  }
}
