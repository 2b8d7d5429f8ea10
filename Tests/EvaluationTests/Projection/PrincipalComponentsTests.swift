import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import TestSupport
import Testing

@Suite struct PrincipalComponentsTests {
  /// Rows around (1, 2, ..., 8) along two directions at right angles, three times as far along the first, and a little noise.
  private func rows(_ count: Int) -> (rows: Tensor, first: [Double], second: [Double]) {
    let half = 0.5.squareRoot() / 2.0.squareRoot()
    let first = [half, half, half, half, 0, 0, 0, 0]
    let second = [0, 0, 0, 0, half, -half, half, -half]
    var generator = KeyedGenerator(seed: 4, purpose: .views)
    var values: [Float] = []
    for _ in 0..<count {
      let (a, b) = (3 * generator.normal(), generator.normal())
      for place in 0..<8 {
        values.append(
          Float(Double(place + 1) + a * first[place] + b * second[place]) + 1e-3 * Float(generator.normal()))
      }
    }
    return (Tensor(values, [count, 8]), first, second)
  }

  @Test func `the directions of a cloud are found in the order of their variance, with their signs fixed`() {
    let (rows, first, second) = rows(3000)
    let found = PrincipalComponents(of: rows, count: 3)
    for (own, wanted) in [(found.components[0], first), (found.components[1], second)] {
      let cosine = zip(own, wanted).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(abs(cosine) - 1) < 1e-3)
      #expect(own.max { abs($0) < abs($1) }! > 0)
    }
    #expect(abs(found.variances[0] - 9) < 1 && abs(found.variances[1] - 1) < 0.1 && found.variances[2] < 1e-5)
    #expect(abs(found.totalVariance - found.variances.reduce(0, +)) < 1e-4)
  }

  @Test func `places have mean 0, the variance that is said, and no covariance`() {
    let (rows, _, _) = rows(1500)
    let found = PrincipalComponents(of: rows, count: 2)
    let places = found(rows)
    func product(_ a: Int, _ b: Int) -> Double { places.reduce(0) { $0 + $1[a] * $1[b] } / 1499 }
    for column in 0..<2 {
      #expect(abs(places.reduce(0) { $0 + $1[column] } / 1500) < 1e-9)
      #expect(abs(product(column, column) / found.variances[column] - 1) < 1e-5)
    }
    #expect(abs(product(0, 1)) < 1e-4)
  }

  @Test func `the mirrored cloud gives the same directions, and any number of threads the same bits`() {
    let (rows, _, _) = rows(2500)
    let found = PrincipalComponents(of: rows, count: 2)
    let mirrored = PrincipalComponents(of: Tensor(rows.array.map { -$0 }, rows.shape), count: 2)
    for place in 0..<2 {
      for (a, b) in zip(found.components[place], mirrored.components[place]) { #expect(abs(a - b) < 1e-6) }
    }
    for threads in [1, 3] {
      let other = withThreads(threads) { PrincipalComponents(of: rows, count: 2) }
      #expect(other.components == found.components && other.variances == found.variances)
    }
  }

  @Test func `fewer rows than columns, and rows that are all the same, are taken`() {
    let few = PrincipalComponents(of: hashFilled("few", [3, 20]), count: 3)
    #expect(few.variances[1] > 0 && few.variances[2] < 1e-6)
    let flat = PrincipalComponents(of: Tensor(repeating: 2, [5, 4]), count: 3)
    #expect(flat.variances == [0, 0, 0] && flat.totalVariance == 0)
    #expect(flat(Tensor(repeating: 2, [1, 4]))[0] == [0, 0, 0])
  }
}
