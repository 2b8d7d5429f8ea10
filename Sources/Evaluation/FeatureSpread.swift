import EmanateKernels
import EmanateTensors

/// How far features are from being all the same: their deviation on the sphere, and how many directions they fill.
public struct FeatureSpread: Sendable, Equatable {
  /// √D · the mean over dimensions of the standard deviation of L2-normalised rows (SimSiam, Chen and He 2021,
  /// arXiv:2011.10566, section 4.1): 1 for directions spread evenly over the sphere, 0 where all rows point the same
  /// way. The deviation is the sample's (N − 1); rows of zeros stay zeros.
  public let deviation: Double
  /// e to the entropy of the singular values over their sum (effective rank, Roy and Vetterli 2007; RankMe, Garrido et
  /// al. 2023, arXiv:2210.02885, eq. 1), of the rows as they are, not centered: 1 where all rows are multiples of
  /// one; at most `greatestRank`. 0 if all rows are zeros.
  public let effectiveRank: Double
  /// The lesser of the number of rows and their length.
  public let greatestRank: Int

  /// Of features [N, D], N at least 2. One thread: about 12 million multiplications for [256, 384], and the
  /// eigenvalues of a matrix of 256 rows.
  public init(of features: Tensor) {
    let (count, width) = (features.shape[0], features.shape[1])
    precondition(features.shape.rank == 2 && count >= 2, "FeatureSpread: features of shape \(features.shape)")
    let rows = features.array.map(Double.init)
    deviation = Self.deviation(rows, count, width)
    greatestRank = min(count, width)
    let values = eigenvalues(ofSymmetric: Self.products(rows, count, width), size: greatestRank)
    let singular = values.map { max(0, $0).squareRoot() }
    let sum = singular.reduce(0, +)
    effectiveRank =
      sum > 0
      ? exponential(-singular.reduce(0) { $0 + ($1 > 0 ? $1 / sum * logarithm($1 / sum) : 0) }) : 0
  }

  private static func deviation(_ rows: [Double], _ count: Int, _ width: Int) -> Double {
    var inverses: [Double] = []
    for row in 0..<count {
      let squares = rows[row * width..<(row + 1) * width].reduce(0) { $0 + $1 * $1 }
      inverses.append(squares > 0 ? 1 / squares.squareRoot() : 0)
    }
    var sum = 0.0
    for column in 0..<width {
      var mean = 0.0
      for row in 0..<count { mean += rows[row * width + column] * inverses[row] }
      mean /= Double(count)
      var squares = 0.0
      for row in 0..<count {
        let difference = rows[row * width + column] * inverses[row] - mean
        squares += difference * difference
      }
      sum += (squares / Double(count - 1)).squareRoot()
    }
    return sum / Double(width).squareRoot()
  }

  /// The products of all pairs of rows, or of all pairs of columns, whichever are fewer.
  private static func products(_ rows: [Double], _ count: Int, _ width: Int) -> [Double] {
    let size = min(count, width)
    var products = [Double](repeating: 0, count: size * size)
    var vectors = rows
    let length = max(count, width)
    if width < count {
      for row in 0..<count {
        for column in 0..<width { vectors[column * count + row] = rows[row * width + column] }
      }
    }
    vectors.withUnsafeBufferPointer { vectors in
      for i in 0..<size {
        for j in 0...i {
          var sum = 0.0
          for k in 0..<length { sum += vectors[i * length + k] * vectors[j * length + k] }
          (products[i * size + j], products[j * size + i]) = (sum, sum)
        }
      }
    }
    return products
  }
}
