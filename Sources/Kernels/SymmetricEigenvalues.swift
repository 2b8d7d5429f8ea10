/// The eigenvalues of a symmetric matrix, unordered, in double precision, to about 1e-15 of the greatest.
///
/// matrix: [n, n], row by row; both triangles are read. Householder's reflections make it tridiagonal, then QL with
/// implicit shifts (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3): 4/3 n³ multiplications. One
/// thread; 256 rows take some tens of milliseconds.
package func eigenvalues(ofSymmetric matrix: [Double], size n: Int) -> [Double] {
  precondition(matrix.count == n * n, "eigenvalues: \(matrix.count) numbers for \(n) rows")
  var (diagonal, beside) = tridiagonal(matrix, n)
  let scale = zip(diagonal, beside).reduce(0) { max($0, abs($1.0) + abs($1.1)) }
  for first in 0..<n {
    // Each round deflates within a few steps; the bound only keeps numbers that are not finite from looping.
    for _ in 0..<100 {
      var last = first
      while last < n - 1 && abs(beside[last]) > 1e-16 * scale { last += 1 }
      if last == first { break }
      shiftedStep(&diagonal, &beside, first, last)
    }
  }
  return diagonal
}

/// One QL step with an implicit shift on rows `first`...`last`.
private func shiftedStep(_ d: inout [Double], _ e: inout [Double], _ first: Int, _ last: Int) {
  func length(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
  let ratio = (d[first + 1] - d[first]) / (2 * e[first])
  let root = length(ratio, 1)
  var g = d[last] - d[first] + e[first] / (ratio + (ratio < 0 ? -root : root))
  var (sine, cosine, p) = (1.0, 1.0, 0.0)
  for i in stride(from: last - 1, through: first, by: -1) {
    let (f, b) = (sine * e[i], cosine * e[i])
    let r = length(f, g)
    e[i + 1] = r
    if r == 0 {
      d[i + 1] -= p
      e[last] = 0
      return
    }
    (sine, cosine) = (f / r, g / r)
    g = d[i + 1] - p
    let t = (d[i] - g) * sine + 2 * cosine * b
    p = sine * t
    d[i + 1] = g + p
    g = cosine * t - b
  }
  d[first] -= p
  e[first] = g
  e[last] = 0
}

/// The diagonal of a tridiagonal matrix with the same eigenvalues, and what stands beside it (the last is 0).
private func tridiagonal(_ matrix: [Double], _ n: Int) -> (diagonal: [Double], beside: [Double]) {
  var a = matrix
  var (beside, v, w) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n), [Double]())
  w = v
  for k in 0..<max(0, n - 2) {
    var squares = 0.0
    for i in k + 1..<n {
      v[i] = a[i * n + k]
      squares += v[i] * v[i]
    }
    let norm = squares.squareRoot()
    let alpha = v[k + 1] > 0 ? -norm : norm
    beside[k] = alpha
    let half = squares - alpha * v[k + 1]
    if half == 0 { continue }
    v[k + 1] -= alpha
    var along = 0.0
    a.withUnsafeBufferPointer { a in
      for i in k + 1..<n {
        var sum = 0.0
        for j in k + 1..<n { sum += a[i * n + j] * v[j] }
        w[i] = sum / half
        along += w[i] * v[i]
      }
    }
    for i in k + 1..<n { w[i] -= along / (2 * half) * v[i] }
    a.withUnsafeMutableBufferPointer { a in
      for i in k + 1..<n {
        let (vi, wi) = (v[i], w[i])
        for j in k + 1..<n { a[i * n + j] -= vi * w[j] + wi * v[j] }
      }
    }
  }
  if n > 1 { beside[n - 2] = a[(n - 1) * n + n - 2] }
  return ((0..<n).map { a[$0 * n + $0] }, beside)
}
