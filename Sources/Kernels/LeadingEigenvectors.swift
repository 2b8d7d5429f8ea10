/// The greatest eigenvalues of a symmetric matrix, falling, with their eigenvectors of length 1, in double precision.
///
/// matrix: [n, n], row by row, without negative eigenvalues (a covariance) -> `count` values, and vectors of n numbers.
/// Subspace iteration with more vectors than are asked for and the projected problem solved in each round (Golub and Van
/// Loan, Matrix Computations, section 8.2.4): 2 n² (count + 13) multiplications a round, some tens of rounds where the
/// eigenvalues fall off. It stops where a vector v leaves |A v - λ v| below 1e-11 of the greatest eigenvalue, or after 500
/// rounds. A vector's number farthest from 0, the first of them, is positive. One thread.
package func leadingEigenvectors(
  ofSymmetric matrix: [Double], size n: Int, count: Int
) -> (values: [Double], vectors: [[Double]]) {
  precondition(matrix.count == n * n, "leadingEigenvectors: \(matrix.count) numbers for \(n) rows")
  precondition(count >= 1 && count <= n, "leadingEigenvectors: \(count) of \(n)")
  var start = KeyedGenerator(seed: 0, purpose: .pictures, n, count)
  func fresh() -> [Double] { (0..<n).map { _ in start.normal() } }
  var basis = orthonormal((0..<min(n, count + 13)).map { _ in fresh() }, instead: fresh)
  var values: [Double] = []
  for _ in 0..<500 {
    let images = basis.map { product(matrix, $0) }
    let projected = basis.map { vector in images.map { inner(vector, $0) } }
    let small = jacobi(projected)
    let order = small.values.indices.sorted { small.values[$0] > small.values[$1] }
    values = order.map { small.values[$0] }
    let rotated = order.map { combination(basis, small.vectors[$0]) }
    let turned = order.map { combination(images, small.vectors[$0]) }
    let residual = (0..<count).map { place in
      zip(turned[place], rotated[place]).reduce(0.0) {
        let difference = $1.0 - values[place] * $1.1
        return $0 + difference * difference
      }.squareRoot()
    }.max()!
    if residual <= 1e-11 * max(values[0], 0) {
      basis = rotated
      break
    }
    basis = orthonormal(turned, instead: fresh)
  }
  return (Array(values.prefix(count)), basis.prefix(count).map(signed))
}

private func inner(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for place in a.indices { sum += a[place] * b[place] }
  return sum
}

private func product(_ matrix: [Double], _ vector: [Double]) -> [Double] {
  let n = vector.count
  return matrix.withUnsafeBufferPointer { matrix in
    (0..<n).map { row in
      var sum = 0.0
      for column in 0..<n { sum += matrix[row * n + column] * vector[column] }
      return sum
    }
  }
}

private func combination(_ vectors: [[Double]], _ weights: [Double]) -> [Double] {
  var sum = [Double](repeating: 0, count: vectors[0].count)
  for (vector, weight) in zip(vectors, weights) {
    for place in sum.indices { sum[place] += weight * vector[place] }
  }
  return sum
}

/// Gram and Schmidt's method, each vector twice; one that the others leave nothing of is replaced.
private func orthonormal(_ vectors: [[Double]], instead fresh: () -> [Double]) -> [[Double]] {
  let greatest = vectors.map { inner($0, $0) }.max()!.squareRoot()
  var basis: [[Double]] = []
  for vector in vectors {
    var candidate = vector
    while true {
      for _ in 0..<2 {
        for known in basis {
          let along = inner(known, candidate)
          for place in candidate.indices { candidate[place] -= along * known[place] }
        }
      }
      let length = inner(candidate, candidate).squareRoot()
      if length > 1e-14 * greatest && length > 0 {
        basis.append(candidate.map { $0 / length })
        break
      }
      candidate = fresh()
    }
  }
  return basis
}

private func signed(_ vector: [Double]) -> [Double] {
  var farthest = 0
  for place in vector.indices where abs(vector[place]) > abs(vector[farthest]) { farthest = place }
  return vector[farthest] < 0 ? vector.map { -$0 } : vector
}

/// All eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations (section 8.5.3).
private func jacobi(_ rows: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
  let n = rows.count
  var a = rows
  // Row k becomes the k-th eigenvector.
  var vectors = (0..<n).map { row in (0..<n).map { $0 == row ? 1.0 : 0.0 } }
  for _ in 0..<60 {
    var off = 0.0
    for i in 0..<n { for j in 0..<i { off += a[i][j] * a[i][j] } }
    let scale = (0..<n).reduce(0) { $0 + a[$1][$1] * a[$1][$1] }
    if off <= 1e-32 * scale { break }
    for p in 0..<n {
      for q in p + 1..<max(n, p + 1) where a[p][q] != 0 {
        let ratio = (a[q][q] - a[p][p]) / (2 * a[p][q])
        let root = (ratio * ratio + 1).squareRoot()
        let t = (ratio < 0 ? -1 : 1) / (abs(ratio) + root)
        let cosine = 1 / (t * t + 1).squareRoot()
        let sine = t * cosine
        for k in 0..<n {
          let (left, right) = (a[k][p], a[k][q])
          (a[k][p], a[k][q]) = (cosine * left - sine * right, sine * left + cosine * right)
        }
        for k in 0..<n {
          let (left, right) = (a[p][k], a[q][k])
          (a[p][k], a[q][k]) = (cosine * left - sine * right, sine * left + cosine * right)
        }
        for k in 0..<n {
          let (left, right) = (vectors[p][k], vectors[q][k])
          (vectors[p][k], vectors[q][k]) = (cosine * left - sine * right, sine * left + cosine * right)
        }
      }
    }
  }
  return ((0..<n).map { a[$0][$0] }, vectors)
}
