import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Losses of relations against their papers' formulas, all pairs and triples written out.
@Suite struct RelationLossTests {
  static let sizes: [(rows: Int, ours: Int, theirs: Int)] = [(2, 3, 3), (3, 1, 4), (9, 2, 3), (20, 12, 40)]

  private func check(
    _ sizes: (rows: Int, ours: Int, theirs: Int), _ loss: (Variable, Tensor) -> Variable,
    _ oracle: ([[Double]], [[Double]]) -> Double
  ) {
    let x = hashFilled("student", [sizes.rows, sizes.ours])
    let y = hashFilled("teacher", [sizes.rows, sizes.theirs])
    #expect(isNear(loss(Variable(x), y).scalar, oracle(doubles(x), doubles(y))))
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  private func pairs(_ count: Int) -> [(Int, Int)] {
    (0..<count).flatMap { i in (0..<count).filter { $0 != i }.map { (i, $0) } }
  }

  @Test(arguments: sizes)
  func `relational distance is the mean smooth L1 of distances over their mean`(
    sizes: (rows: Int, ours: Int, theirs: Int)
  ) {
    check(sizes, { RelationalDistanceLoss()(student: $0, teacher: $1) }) { s, t in
      let (a, b) = (
        pairs(s.count).map { distance(s[$0], s[$1]) }, pairs(t.count).map { distance(t[$0], t[$1]) }
      )
      return mean(zip(a, b).map { huber($0 / mean(a) - $1 / mean(b)) })
    }
  }

  @Test(arguments: sizes.dropFirst())
  func `relational angle is the mean smooth L1 of the cosines of all triples`(
    sizes: (rows: Int, ours: Int, theirs: Int)
  ) {
    check(sizes, { RelationalAngleLoss()(student: $0, teacher: $1) }) { s, t in
      func cosine(_ x: [[Double]], _ i: Int, _ j: Int, _ k: Int) -> Double {
        dot(unit(zip(x[i], x[j]).map(-)), unit(zip(x[k], x[j]).map(-)))
      }
      return mean(
        pairs(s.count).flatMap { i, j in
          s.indices.filter { $0 != i && $0 != j }.map { huber(cosine(s, i, j, $0) - cosine(t, i, j, $0)) }
        })
    }
  }

  @Test(arguments: sizes)
  func `similarity-preserving is the squared difference of normalised inner products`(
    sizes: (rows: Int, ours: Int, theirs: Int)
  ) {
    check(sizes, { SimilarityPreservingLoss()(student: $0, teacher: $1) }) { s, t in
      func gram(_ x: [[Double]]) -> [Double] { x.flatMap { row in unit(x.map { dot(row, $0) }) } }
      return mean(zip(gram(s), gram(t)).map { ($0 - $1) * ($0 - $1) })
    }
  }

  @Test(arguments: sizes.dropFirst())
  func `probabilistic transfer is the mean divergence of affinities to the other rows`(
    sizes: (rows: Int, ours: Int, theirs: Int)
  ) {
    check(sizes, { ProbabilisticTransferLoss()(student: $0, teacher: $1) }) { s, t in
      func shares(_ x: [[Double]], _ i: Int) -> [Double] {
        let k = x.indices.filter { $0 != i }.map {
          (dot(unit(x[i]), unit(x[$0])) + 1) / 2 + 1e-7
        }
        return k.map { $0 / k.reduce(0, +) }
      }
      return mean(s.indices.map { divergence(shares(t, $0), shares(s, $0)) })
    }
  }

  @Test(arguments: sizes, [(Float(0.4), 2), (1, 5)])
  func `correlation congruence is the squared difference of the kernel's series`(
    sizes: (rows: Int, ours: Int, theirs: Int), kernel: (gamma: Float, order: Int)
  ) {
    let loss = CorrelationCongruenceLoss(gamma: kernel.gamma, order: kernel.order)
    check(sizes, { loss(student: $0, teacher: $1) }) { s, t in
      let g = 2 * Double(kernel.gamma)
      func matrix(_ x: [[Double]]) -> [Double] {
        let rows = x.map(unit)
        return rows.flatMap { a in
          rows.map { b in
            exp(-g)
              * (0...kernel.order).reduce(0) { $0 + pow(g * dot(a, b), Double($1)) / tgamma(Double($1) + 1) }
          }
        }
      }
      return mean(zip(matrix(s), matrix(t)).map { ($0 - $1) * ($0 - $1) })
    }
  }

  @Test func `the series of many powers is the Gaussian kernel itself`() {
    let (x, y) = (hashFilled("student", [5, 4]), hashFilled("teacher", [5, 4]))
    let loss = CorrelationCongruenceLoss(gamma: 0.4, order: 20)(student: Variable(x), teacher: y).scalar
    func matrix(_ rows: [[Double]]) -> [Double] {
      let units = rows.map(unit)
      return units.flatMap { a in units.map { exp(-Double(Float(0.4)) * pow(distance(a, $0), 2)) } }
    }
    #expect(isNear(loss, mean(zip(matrix(doubles(x)), matrix(doubles(y))).map { ($0 - $1) * ($0 - $1) })))
  }

  @Test(arguments: DistillationCase.relations)
  func `widths, turns and lengths of all features together do not matter`(_ tried: DistillationCase) {
    // The teacher's features doubled, two axes turned by a right angle, and a column of zeros more.
    let teacher = hashFilled("teacher", [8, 3])
    let turned = doubles(teacher).flatMap { [Float(-2 * $0[1]), Float(2 * $0[0]), Float(2 * $0[2]), 0] }
    let result = tried.gradient(at: Tensor(turned, [8, 4]), teacher: teacher)
    #expect(result.value < 1e-12)
    #expect(result.gradient.allSatisfy { abs($0) < 1e-6 })
  }

  @Test(arguments: DistillationCase.relations)
  func `a row that is another's copy, and one of zeros, leave finite gradients that are slopes`(
    _ tried: DistillationCase
  ) {
    var x = tried.studentNumbers
    x.withMutableElements { x in
      for i in 0..<6 {
        x[6 + i] = x[i]
        x[12 + i] = 0
      }
    }
    let result = tried.gradient(at: x, teacher: tried.teacherNumbers)
    #expect(result.value.isFinite && result.gradient.allSatisfy { $0.isFinite })
    // Away from the kinks: rows 3 and on.
    let teacher = tried.teacherNumbers
    let (head, tail) = (x[rows: 0..<3].array, x[rows: 3..<7])
    var differences = 0.0
    for place in stride(from: 0, to: tail.count, by: 5) {
      func value(_ offset: Float) -> Double {
        var moved = tail.array
        moved[place] += offset
        return Double(tried.loss(Variable(Tensor(head + moved, [7, 6])), teacher).scalar)
      }
      let slope = (8 * (value(1e-2) - value(-1e-2)) - (value(2e-2) - value(-2e-2))) / 0.12
      differences = max(differences, abs(slope - Double(result.gradient[18 + place])))
    }
    #expect(differences < 2e-3 * Double(result.gradient.map(abs).max() ?? 0) + 1e-6)
  }

  @Test func `many rows agree with the oracle as well as few`() {
    check((70, 8, 5), { RelationalDistanceLoss()(student: $0, teacher: $1) }) { s, t in
      let (a, b) = (pairs(70).map { distance(s[$0], s[$1]) }, pairs(70).map { distance(t[$0], t[$1]) })
      return mean(zip(a, b).map { huber($0 / mean(a) - $1 / mean(b)) })
    }
  }
}
