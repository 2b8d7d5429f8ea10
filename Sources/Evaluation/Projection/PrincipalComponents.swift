import EmanateKernels
import EmanateTensors

/// The directions in which rows of numbers differ most (principal component analysis, Pearson 1901).
///
/// A direction's sign is arbitrary by nature; here the number of it that is farthest from 0 is positive, so that equal rows
/// give equal pictures.
public struct PrincipalComponents: Sendable {
  /// What is subtracted from a row, [D].
  public let mean: [Double]
  /// Directions of length 1, [k][D], that of the greatest variance first.
  public let components: [[Double]]
  /// The variance of the rows along each direction (of a sample: N − 1).
  public let variances: [Double]
  /// The variance along all D directions together.
  public let totalVariance: Double

  /// Of rows [N, D], at least two, finite; `count` directions, at most D. Products are float32 over 1,024 rows at a time,
  /// their sums double, so the result does not depend on the number of threads.
  public init(of rows: Tensor, count: Int) {
    let (number, width) = (rows.shape[0], rows.shape[1])
    precondition(rows.shape.rank == 2 && number >= 2, "PrincipalComponents: rows of shape \(rows.shape)")
    precondition(count >= 1 && count <= width, "PrincipalComponents: \(count) of \(width)")
    let mean = Self.mean(of: rows)
    var sums = [Double](repeating: 0, count: width * width)
    var part = Tensor(uninitialized: [min(number, 1024), width])
    var products = Tensor(uninitialized: [width, width])
    for start in stride(from: 0, to: number, by: 1024) {
      let here = start..<min(start + 1024, number)
      rows.withElements { rows in
        part.withMutableElements { part in
          for place in 0..<here.count * width {
            part[place] = Float(Double(rows[start * width + place]) - mean[place % width])
          }
        }
      }
      part.withElements { part in
        products.withMutableElements { products in
          product(
            Matrix(part.baseAddress!, stride: width, transposed: true),
            Matrix(part.baseAddress!, stride: width),
            rows: width, columns: width, depth: here.count, into: products.baseAddress!, stride: width)
        }
      }
      products.withElements { for place in sums.indices { sums[place] += Double($0[place]) } }
    }
    // The two triangles are rounded apart.
    for i in 0..<width {
      for j in 0..<i {
        let both = (sums[i * width + j] + sums[j * width + i]) / 2
        (sums[i * width + j], sums[j * width + i]) = (both, both)
      }
    }
    let covariance = sums.map { $0 / Double(number - 1) }
    let found = leadingEigenvectors(ofSymmetric: covariance, size: width, count: count)
    self.mean = mean
    components = found.vectors
    variances = found.values.map { max($0, 0) }
    totalVariance = (0..<width).reduce(0) { $0 + covariance[$1 * width + $1] }
  }

  /// Where rows lie along the directions: [M, D] -> M times k numbers.
  public func callAsFunction(_ rows: Tensor) -> [[Double]] {
    let width = mean.count
    precondition(
      rows.shape.rank == 2 && rows.shape[1] == width, "PrincipalComponents: rows of shape \(rows.shape)")
    return rows.withElements { rows in
      (0..<rows.count / width).map { row in
        components.map { component in
          var sum = 0.0
          for place in 0..<width {
            sum += (Double(rows[row * width + place]) - mean[place]) * component[place]
          }
          return sum
        }
      }
    }
  }

  private static func mean(of rows: Tensor) -> [Double] {
    let (number, width) = (rows.shape[0], rows.shape[1])
    var sums = [Double](repeating: 0, count: width)
    rows.withElements { rows in
      for row in 0..<number { for place in 0..<width { sums[place] += Double(rows[row * width + place]) } }
    }
    return sums.map { $0 / Double(number) }
  }
}
