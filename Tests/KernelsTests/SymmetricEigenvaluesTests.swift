import EmanateKernels
import Testing

@Suite struct SymmetricEigenvaluesTests {
  @Test func `small matrices have the eigenvalues that can be written down`() {
    #expect(eigenvalues(ofSymmetric: [], size: 0) == [])
    #expect(eigenvalues(ofSymmetric: [3], size: 1) == [3])
    let two = eigenvalues(ofSymmetric: [2, 1, 1, 2], size: 2).sorted()
    #expect(abs(two[0] - 1) < 1e-15 && abs(two[1] - 3) < 1e-15)
    #expect(eigenvalues(ofSymmetric: [Double](repeating: 0, count: 25), size: 5) == [0, 0, 0, 0, 0])
    let ones = eigenvalues(ofSymmetric: [Double](repeating: 1, count: 36), size: 6).sorted()
    #expect(abs(ones[5] - 6) < 1e-14 && ones.dropLast().allSatisfy { abs($0) < 1e-14 })
  }

  /// A chain of springs: 2 on the diagonal, -1 beside it, 2 - 2 cos(kπ / (n + 1)); hidden by a reflection.
  @Test(arguments: [3, 10, 64, 130]) func `a reflected chain keeps its eigenvalues`(n: Int) {
    var generator = KeyedGenerator(seed: 1, purpose: .weights, n)
    let v = (0..<n).map { _ in generator.normal() }
    let squares = v.reduce(0) { $0 + $1 * $1 }
    func chain(_ i: Int, _ j: Int) -> Double { i == j ? 2 : abs(i - j) == 1 ? -1 : 0 }
    func mirror(_ i: Int, _ j: Int) -> Double { (i == j ? 1 : 0) - 2 * v[i] * v[j] / squares }
    var half = [Double](repeating: 0, count: n * n)
    var whole = half
    for i in 0..<n {
      for j in 0..<n {
        for k in max(0, j - 1)...min(n - 1, j + 1) { half[i * n + j] += mirror(i, k) * chain(k, j) }
      }
    }
    for i in 0..<n {
      for j in 0...i {
        var sum = 0.0
        for k in 0..<n { sum += half[i * n + k] * mirror(k, j) }
        (whole[i * n + j], whole[j * n + i]) = (sum, sum)
      }
    }
    let found = eigenvalues(ofSymmetric: whole, size: n).sorted()
    for k in 1...n {
      let exact = 2 - 2 * cosine(Double(k) * .pi / Double(n + 1))
      #expect(abs(found[k - 1] - exact) < 2e-14)
    }
  }
}
