import EmanateKernels
import Testing

@Suite struct LeadingEigenvectorsTests {
  /// 2 − 2 cos(kπ / (n + 1)) with sin(jkπ / (n + 1)): a chain of springs, hidden by a reflection.
  @Test(arguments: [2, 3, 10, 24]) func `a reflected chain gives its greatest values and their vectors`(
    n: Int
  ) {
    var generator = KeyedGenerator(seed: 2, purpose: .weights, n)
    let v = (0..<n).map { _ in generator.normal() }
    let squares = v.reduce(0) { $0 + $1 * $1 }
    func mirror(_ x: [Double]) -> [Double] {
      let along = 2 * zip(v, x).reduce(0) { $0 + $1.0 * $1.1 } / squares
      return zip(x, v).map { $0 - along * $1 }
    }
    func chain(_ x: [Double]) -> [Double] {
      x.indices.map { 2 * x[$0] - ($0 > 0 ? x[$0 - 1] : 0) - ($0 < n - 1 ? x[$0 + 1] : 0) }
    }
    var matrix: [Double] = []
    for row in 0..<n { matrix += mirror(chain(mirror((0..<n).map { $0 == row ? 1 : 0 }))) }
    for i in 0..<n { for j in 0..<i { matrix[i * n + j] = matrix[j * n + i] } }
    let count = min(3, n)
    let found = leadingEigenvectors(ofSymmetric: matrix, size: n, count: count)
    for place in 0..<count {
      let k = Double(n - place)
      #expect(abs(found.values[place] - (2 - 2 * cosine(k * .pi / Double(n + 1)))) < 1e-9)
      let exact = mirror((1...n).map { sine(Double($0) * k * .pi / Double(n + 1)) })
      let length = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let cosine = zip(found.vectors[place], exact).reduce(0) { $0 + $1.0 * $1.1 } / length
      #expect(abs(abs(cosine) - 1) < 1e-9, "\(place): \(cosine)")
      let farthest = found.vectors[place].max { abs($0) < abs($1) }!
      #expect(farthest > 0)
    }
  }

  @Test func `matrices of rank 0, 1 and with equal values give vectors of length 1 at right angles`() {
    var ones = [Double](repeating: 1, count: 36)
    let flat = [Double](repeating: 0, count: 36)
    let equal = (0..<36).map { $0 % 7 == 0 ? 2.0 : 0 }
    for (matrix, values) in [(ones, [6.0, 0, 0]), (flat, [0, 0, 0]), (equal, [2, 2, 2])] {
      let found = leadingEigenvectors(ofSymmetric: matrix, size: 6, count: 3)
      for place in 0..<3 { #expect(abs(found.values[place] - values[place]) < 1e-12) }
      for (i, a) in found.vectors.enumerated() {
        for (j, b) in found.vectors.enumerated() {
          let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-12)
        }
      }
    }
    ones = [5]
    let single = leadingEigenvectors(ofSymmetric: ones, size: 1, count: 1)
    #expect(single.values == [5] && single.vectors == [[1]])
  }
}
