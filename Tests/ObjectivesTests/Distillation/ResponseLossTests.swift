import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Standardized distillation, DIST and decoupled distillation against their formulas written out.
@Suite struct ResponseLossTests {
  private let student = hashFilled("student", [6, 9], scale: 3)
  private let teacher = hashFilled("teacher", [6, 9], scale: 3)

  @Test(arguments: [Float(1), 2])
  func `standardized distillation compares z-scores of rows`(temperature: Float) {
    let T = Double(temperature)
    func scores(_ z: [Double]) -> [Double] {
      let deviation = (mean(z.map { ($0 - mean(z)) * ($0 - mean(z)) })).squareRoot()
      return z.map { ($0 - mean(z)) / deviation }
    }
    let expected =
      T * T
      * mean(
        zip(doubles(student), doubles(teacher)).map {
          divergence(softened(scores($1), T), softened(scores($0), T))
        })
    let loss = StandardizedDistillationLoss(temperature: temperature)
    #expect(isNear(loss(student: Variable(student), teacher: teacher).scalar, expected))
  }

  @Test func `standardized distillation does not see a row's mean and range`() {
    let moved = Tensor(
      doubles(teacher).enumerated().flatMap { row, z in z.map { Float($0 * Double(row + 1) - Double(row)) } },
      [6, 9])
    let found = StandardizedDistillationLoss()(student: Variable(moved), teacher: teacher).scalar
    #expect(found < 1e-9)
  }

  @Test(arguments: [(Float(1), Float(1), Float(1)), (2, 0, 4), (0, 3, 2)])
  func `DIST is 1 less the correlation over classes and over images`(
    settings: (beta: Float, gamma: Float, temperature: Float)
  ) {
    let T = Double(settings.temperature)
    let (p, q) = (doubles(student).map { softened($0, T) }, doubles(teacher).map { softened($0, T) })
    func correlation(_ a: [Double], _ b: [Double]) -> Double {
      let (u, v) = (a.map { $0 - mean(a) }, b.map { $0 - mean(b) })
      return dot(u, v) / (dot(u, u) * dot(v, v)).squareRoot()
    }
    let byRow = mean(zip(p, q).map { 1 - correlation($0, $1) })
    let byColumn = mean(
      (0..<9).map { c in 1 - correlation(p.map { $0[c] }, q.map { $0[c] }) })
    let expected = T * T * (Double(settings.beta) * byRow + Double(settings.gamma) * byColumn)
    let loss = DISTLoss(beta: settings.beta, gamma: settings.gamma, temperature: settings.temperature)
    #expect(isNear(loss(student: Variable(student), teacher: teacher).scalar, expected))
  }

  @Test func `decoupled distillation is two divergences with weights of their own`() {
    let labels = [0, 8, 3, 3, 5, 1]
    func parts(_ z: [Double], _ label: Int) -> (binary: [Double], others: [Double]) {
      let p = softened(z, 4)
      let rest = p.enumerated().filter { $0.offset != label }.map { $0.element }
      return ([p[label], 1 - p[label]], rest.map { $0 / (1 - p[label]) })
    }
    let terms = (0..<6).map { row -> (Double, Double) in
      let (s, t) = (
        parts(doubles(student)[row], labels[row]), parts(doubles(teacher)[row], labels[row])
      )
      return (divergence(t.binary, s.binary), divergence(t.others, s.others))
    }
    for (alpha, beta) in [(1, 8), (2, 0.5), (0, 1), (1, 0)] as [(Float, Float)] {
      let expected = 16 * (Double(alpha) * mean(terms.map { $0.0 }) + Double(beta) * mean(terms.map { $0.1 }))
      let loss = DecoupledLoss(alpha: alpha, beta: beta)
      let found = loss(student: Variable(student), teacher: teacher, labels: labels).scalar
      #expect(isNear(found, expected))
    }
  }

  @Test func `a decoupled loss with weights 1 and 1 - p of the teacher is Hinton's`() {
    let (x, y) = (student[rows: 0..<1], teacher[rows: 0..<1])
    let share = softened(doubles(y)[0], 4)[2]
    let decoupled = DecoupledLoss(alpha: 1, beta: Float(1 - share))
    let found = decoupled(student: Variable(x), teacher: y, labels: [2]).scalar
    #expect(isNear(found, Double(DistillationLoss()(student: Variable(x), teacher: y).scalar)))
  }

  @Test func `a true class that is all but certain keeps the others' gradient finite`() {
    let (x, y) = (Tensor([800, 1, 2, -3], [1, 4]), Tensor([-900, 3, 1, 0], [1, 4]))
    let result = GradientCheck.gradients(inputs: [x], weights: { Tensor(repeating: 1, $0) }) {
      DecoupledLoss(temperature: 1)(student: $0[0], teacher: y, labels: [0])
    }
    #expect(result.value.scalar.isFinite && result.gradients[0].array.allSatisfy { $0.isFinite })
  }
}
