import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Losses without a trained teacher, against their formulas written out in double precision: values and gradients.
@Suite struct SelfDistillationLossTests {
  private let student = hashFilled("student", [6, 9], scale: 3)
  private let labels = [0, 8, 3, 3, 5, 1]

  private func result(
    _ inputs: [Tensor], _ loss: @escaping ([Variable]) -> Variable
  ) -> (value: Float, gradients: [Tensor]) {
    let found = GradientCheck.gradients(inputs: inputs, weights: { Tensor(repeating: 1, $0) }, loss)
    return (found.value.scalar, found.gradients)
  }

  private func expectNear(_ found: Tensor, _ expected: [[Double]], _ comment: Comment? = nil) {
    let scale = expected.joined().map(abs).max() ?? 0
    for (row, other) in zip(doubles(found), expected) {
      for (a, b) in zip(row, other) { #expect(abs(a - b) < 2e-6 * max(scale, 1e-3), comment) }
    }
  }

  @Test(arguments: [(Float(0.9), Float(1)), (0.99, 20), (0.999, 4)])
  func `a virtual teacher is the label's distribution, softened as a teacher of its logarithms would be`(
    settings: (a: Float, T: Float)
  ) {
    let (a, T) = (Double(settings.a), Double(settings.T))
    let loss = VirtualTeacherLoss(probability: settings.a, temperature: settings.T)
    let found = result([student]) { loss($0[0], labels: labels) }
    let rows = zip(doubles(student), labels).map { z, label in
      let made = (0..<9).map { log($0 == label ? a : (1 - a) / 8) }
      return (teacher: softened(made, T), student: softened(z, T))
    }
    #expect(isNear(found.value, T * T * mean(rows.map { divergence($0.teacher, $0.student) }), 5e-6))
    expectNear(
      found.gradients[0], rows.map { row in zip(row.student, row.teacher).map { T / 6 * ($0 - $1) } })
  }

  @Test
  func `a virtual teacher at temperature 1 says what was asked for, and a student that agrees costs nothing`()
  {
    let shares = VirtualTeacherLoss(probability: 0.9, temperature: 1).shares(classes: 3)
    #expect(abs(shares.own - 0.9) < 1e-7 && abs(shares.other - 0.05) < 1e-7)
    // At temperature 2 roots: 0.9486833 and 0.2236068 of 1.3958969.
    let soft = VirtualTeacherLoss(probability: 0.9, temperature: 2).shares(classes: 3)
    #expect(abs(soft.own - 0.6796228) < 1e-6 && abs(soft.other - 0.1601886) < 1e-6)
    let agreeing = Tensor([Float(log(0.9)), Float(log(0.05)), Float(log(0.05))], [1, 3])
    let found = result([agreeing]) {
      VirtualTeacherLoss(probability: 0.9, temperature: 2)($0[0], labels: [0])
    }
    #expect(abs(found.value) < 1e-6 && found.gradients[0].array.allSatisfy { abs($0) < 1e-6 })
  }

  @Test(arguments: [(1, Float(1)), (3, 1), (2, 2)])
  func `mutual learning is the mean divergence from the others, which get no gradient`(
    settings: (others: Int, T: Float)
  ) {
    let T = Double(settings.T)
    let others = (0..<settings.others).map { hashFilled("other \($0)", [6, 9], scale: 3) }
    let loss = MutualLearningLoss(temperature: settings.T)
    let found = result([student]) { loss(student: $0[0], others: others) }
    var (value, slopes) = (0.0, Array(repeating: Array(repeating: 0.0, count: 9), count: 6))
    for other in others {
      for (row, (x, y)) in zip(doubles(student), doubles(other)).enumerated() {
        let (p, q) = (softened(x, T), softened(y, T))
        value += T * T * divergence(q, p) / 6 / Double(others.count)
        for i in 0..<9 { slopes[row][i] += T * (p[i] - q[i]) / 6 / Double(others.count) }
      }
    }
    #expect(isNear(found.value, value))
    expectNear(found.gradients[0], slopes)
  }

  @Test func `students that agree cost nothing, and two mirror images cost each other the same`() {
    let same = result([student]) { MutualLearningLoss()(student: $0[0], others: [student, student]) }
    #expect(same.value == 0 && same.gradients[0].array.allSatisfy { $0 == 0 })
    let (left, right) = (Tensor([1, 0, -1], [1, 3]), Tensor([-1, 0, 1], [1, 3]))
    let one = result([left]) { MutualLearningLoss()(student: $0[0], others: [right]) }
    let other = result([right]) { MutualLearningLoss()(student: $0[0], others: [left]) }
    // softmax(1, 0, -1) is 0.6652, 0.2447, 0.0900: their divergence 2 (0.6652 - 0.0900).
    #expect(abs(one.value - 1.150421) < 1e-5 && abs(one.value - other.value) < 1e-6)
  }

  @Test(arguments: [(Float(0.3), Float(0.03), Float(3)), (0, 0, 1), (1, 0, 4), (0.5, 2, 1)])
  func `a shallow classifier learns from labels, the deepest probabilities and the deepest features`(
    settings: (share: Float, hint: Float, T: Float)
  ) {
    let (share, hint, T) = (Double(settings.share), Double(settings.hint), Double(settings.T))
    let deepest = hashFilled("deepest", [6, 9], scale: 3)
    let (features, goal) = (hashFilled("features", [6, 5]), hashFilled("goal", [6, 5]))
    let loss = ShallowClassifierLoss(share: settings.share, hint: settings.hint, temperature: settings.T)
    let found = result([student, features]) {
      loss(shallow: ($0[0], $0[1]), deepest: (deepest, goal), labels: labels)
    }
    var (value, slopes) = (0.0, [[Double]]())
    for (row, (x, y)) in zip(doubles(student), doubles(deepest)).enumerated() {
      let (p, hard) = (softened(x, T), softened(x))
      let q = softened(y, T)
      value += ((1 - share) * -log(hard[labels[row]]) + share * T * T * divergence(q, p)) / 6
      slopes.append(
        (0..<9).map { i in
          ((1 - share) * (hard[i] - (i == labels[row] ? 1 : 0)) + share * T * (p[i] - q[i])) / 6
        })
    }
    let differences = zip(doubles(features), doubles(goal)).map { zip($0, $1).map { $0 - $1 } }
    value += hint * mean(differences.joined().map { $0 * $0 })
    #expect(isNear(found.value, value))
    expectNear(found.gradients[0], slopes)
    if hint > 0 { expectNear(found.gradients[1], differences.map { $0.map { 2 * hint * $0 / 30 } }) }
  }
}
