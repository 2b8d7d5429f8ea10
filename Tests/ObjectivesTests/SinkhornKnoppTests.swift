import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// The paper's steps one by one, in double precision: the matrix, its sum, rows and columns scaled in turn.
private func oracle(_ logits: Tensor, temperature: Double, iterations: Int) -> [Double] {
  let (N, K) = (logits.shape[0], logits.shape[1])
  let z = logits.array.map(Double.init)
  var q = z.map { exp(($0 - z.max()!) / temperature) }
  let sum = q.reduce(0, +)
  q = q.map { $0 / sum }
  for _ in 0..<iterations {
    for k in 0..<K {
      let share = (0..<N).reduce(0) { $0 + q[$1 * K + k] }
      for n in 0..<N { q[n * K + k] /= share * Double(K) }
    }
    for n in 0..<N {
      let share = (0..<K).reduce(0) { $0 + q[n * K + $1] }
      for k in 0..<K { q[n * K + k] /= share * Double(N) }
    }
  }
  return q.map { $0 * Double(N) }
}

@Suite struct SinkhornKnoppTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let rows, prototypes, iterations: Int
    let temperature, scale: Float
    var testDescription: String {
      "\(rows) rows, K \(prototypes), \(iterations) iterations, temperature \(temperature), logits to \(scale)"
    }
  }

  @Test(arguments: [
    Case(rows: 12, prototypes: 40, iterations: 3, temperature: 0.04, scale: 1),
    Case(rows: 7, prototypes: 2100, iterations: 3, temperature: 0.07, scale: 1),
    Case(rows: 1, prototypes: 9, iterations: 3, temperature: 0.1, scale: 1),
    Case(rows: 30, prototypes: 1, iterations: 3, temperature: 0.1, scale: 1),
    Case(rows: 16, prototypes: 33, iterations: 1, temperature: 0.05, scale: 0.3),
    Case(rows: 16, prototypes: 33, iterations: 50, temperature: 0.05, scale: 0.3),
    Case(rows: 20, prototypes: 24, iterations: 3, temperature: 0.04, scale: 1.7),
  ])
  func `the assignment is that of the paper's steps`(sizes: Case) {
    let logits = hashFilled("logits", [sizes.rows, sizes.prototypes], scale: sizes.scale)
    let found = SinkhornKnopp(iterations: sizes.iterations)(logits, temperature: sizes.temperature)
    let expected = oracle(
      logits, temperature: Double(sizes.temperature), iterations: sizes.iterations)
    #expect(relativeError(found, Tensor(expected.map { Float($0) }, found.shape)) < 2e-6)
  }

  @Test func `every row is a distribution, and prototypes get equal shares`() {
    let (rows, prototypes) = (64, 16)
    // All rows prefer the first prototypes: without scaling most would get them.
    let preference = (0..<rows * prototypes).map { -0.02 * Float($0 % prototypes) }
    let logits = Tensor(
      zip(hashFilled("logits", [rows, prototypes], scale: 0.1).array, preference).map { $0 + $1 },
      [rows, prototypes])
    let q = SinkhornKnopp(iterations: 100)(logits, temperature: 0.05).array
    for row in 0..<rows {
      #expect(abs(q[row * prototypes..<(row + 1) * prototypes].reduce(0, +) - 1) < 1e-6)
    }
    for column in 0..<prototypes {
      let share = (0..<rows).reduce(Float(0)) { $0 + q[$1 * prototypes + column] }
      #expect(abs(share - Float(rows) / Float(prototypes)) < 1e-3)
    }
  }

  @Test func `a constant added to every logit changes nothing, and huge logits stay finite`() {
    let logits = hashFilled("logits", [10, 20])
    let shifted = Tensor(logits.array.map { $0 + 8 }, logits.shape)
    let values = [logits, shifted].map { SinkhornKnopp()($0, temperature: 0.05) }
    #expect(relativeError(values[1], values[0]) < 1e-4)
    for scale in [Float(1e3), 1e6, 0] {
      let q = SinkhornKnopp()(hashFilled("logits", [10, 20], scale: scale), temperature: 0.04)
      #expect(q.array.allSatisfy { $0.isFinite && $0 >= 0 })
      for row in 0..<10 { #expect(abs(q[rows: row..<row + 1].array.reduce(0, +) - 1) < 1e-5) }
    }
  }

  @Test func `rows far below the greatest logit keep their digits`() {
    // In float32, exp((z - greatest) / temperature) of the second half of the rows would be 0.
    let logits = hashFilled("logits", [8, 20], scale: 0.2).array.enumerated().map {
      $0.offset < 80 ? $0.element : $0.element - 6
    }
    let found = SinkhornKnopp()(Tensor(logits, [8, 20]), temperature: 0.05)
    let expected = oracle(Tensor(logits, [8, 20]), temperature: Double(Float(0.05)), iterations: 3)
    #expect(relativeError(found, Tensor(expected.map { Float($0) }, [8, 20])) < 1e-5)
  }

  @Test func `no rows give no rows`() {
    #expect(SinkhornKnopp()(Tensor(uninitialized: [0, 12]), temperature: 0.1).shape == [0, 12])
  }

  @Test func `one, two and three threads give the same assignment`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) { SinkhornKnopp()(hashFilled("logits", [50, 3000]), temperature: 0.04).array }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
