import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct DistillationLossTests {
  private let student = hashFilled("student", [5, 7], scale: 3)
  private let teacher = hashFilled("teacher", [5, 7], scale: 3)

  private func gradient(_ x: Tensor, _ y: Tensor, _ loss: DistillationLoss) -> (Float, [Float]) {
    let result = GradientCheck.gradients(inputs: [x], weights: { Tensor(repeating: 1, $0) }) {
      loss(student: $0[0], teacher: y)
    }
    return (result.value.scalar, result.gradients[0].array)
  }

  @Test(arguments: [(1, 2), (5, 10), (3, 1000)], [Float(0.5), 1, 4, 20])
  func `the loss is the mean divergence from the teacher, times T squared`(
    sizes: (rows: Int, classes: Int), temperature: Float
  ) {
    let shape: Shape = [sizes.rows, sizes.classes]
    let (x, y) = (hashFilled("student", shape, scale: 3), hashFilled("teacher", shape, scale: 3))
    let T = Double(temperature)
    let expected = mean(zip(doubles(x), doubles(y)).map { divergence(softened($1, T), softened($0, T)) })
    let loss = DistillationLoss(temperature: temperature)(student: Variable(x), teacher: y).scalar
    #expect(isNear(loss, T * T * expected))
    let plain = DistillationLoss(temperature: temperature, scaleByT2: false)
    #expect(isNear(plain(student: Variable(x), teacher: y).scalar, expected))
  }

  @Test(arguments: [Float(1), 2, 4])
  func `its slope by a row's logits is T times the difference of probabilities`(temperature: Float) {
    let T = Double(temperature)
    let found = gradient(student, teacher, DistillationLoss(temperature: temperature)).1
    let expected = zip(doubles(student), doubles(teacher)).flatMap { s, t in
      zip(softened(s, T), softened(t, T)).map { T * ($0 - $1) / 5 }
    }
    for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-7) }
    let plain = gradient(student, teacher, DistillationLoss(temperature: temperature, scaleByT2: false)).1
    for (a, b) in zip(plain, expected) { #expect(abs(Double(a) - b / (T * T)) < 1e-7) }
  }

  @Test func `at a high temperature it matches centered logits`() {
    let found = gradient(student, teacher, DistillationLoss(temperature: 1000)).1
    let expected = zip(doubles(student), doubles(teacher)).flatMap { s, t -> [Double] in
      let shift = mean(s) - mean(t)
      return zip(s, t).map { ($0 - $1 - shift) / 35 }
    }
    for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-3) }
    #expect(expected.contains { abs($0) > 0.1 })
  }

  @Test(arguments: [Float(1), 4], [true, false])
  func `divergence and cross-entropy have one gradient and differ by the teacher's entropy`(
    temperature: Float, scaleByT2: Bool
  ) {
    let T = Double(temperature)
    func of(_ form: DistillationLoss.Form) -> (Float, [Float]) {
      gradient(
        student, teacher, DistillationLoss(temperature: temperature, form: form, scaleByT2: scaleByT2))
    }
    let (kl, cross) = (of(.kl), of(.crossEntropy))
    #expect(kl.1 == cross.1)
    let entropy = mean(doubles(teacher).map { softened($0, T).reduce(0) { $0 - $1 * log($1) } })
    #expect(isNear(cross.0 - kl.0, (scaleByT2 ? T * T : 1) * entropy, 5e-6))
  }

  @Test func `three classes by hand: probabilities 0.1, 0.7, 0.2 against 0.2, 0.6, 0.2 at temperature 2`() {
    let student = Tensor([0.1, 0.7, 0.2].map { Float(log($0)) }, [1, 3])
    let teacher = Tensor([0.2, 0.6, 0.2].map { Float(log($0)) }, [1, 3])
    let found = gradient(student, teacher, DistillationLoss(temperature: 2)).1
    for (a, b) in zip(found, [-0.141, 0.118, 0.023] as [Float]) { #expect(abs(a - b) < 6e-4) }
    for (a, b) in zip(softened(doubles(teacher)[0], 2), [0.268, 0.464, 0.268]) { #expect(abs(a - b) < 6e-4) }
    for (a, b) in zip(softened(doubles(student)[0], 2), [0.198, 0.523, 0.279]) { #expect(abs(a - b) < 6e-4) }
    // The label's own gradient, class 2 of 3.
    let hard = GradientCheck.gradients(inputs: [student], weights: { Tensor(repeating: 1, $0) }) {
      SmoothedCrossEntropy(0)($0[0], labels: [1])
    }.gradients[0]
    for (a, b) in zip(hard.array, [0.1, -0.3, 0.2] as [Float]) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func `given probabilities are taken as the teacher's at the temperature, zeros too`() {
    let soft = Tensor(doubles(teacher).flatMap { softened($0, 4).map { Float($0) } }, [5, 7])
    let loss = DistillationLoss()
    let a = loss(student: Variable(student), probabilities: soft).scalar
    let b = loss(student: Variable(student), teacher: teacher).scalar
    #expect(abs(a - b) < 1e-5)
    let hard = Tensor([0, 1, 0], [1, 3])
    let x = Tensor([1, 2, 3], [1, 3])
    let result = GradientCheck.gradients(inputs: [x], weights: { Tensor(repeating: 1, $0) }) {
      DistillationLoss(temperature: 1)(student: $0[0], probabilities: hard)
    }
    #expect(isNear(result.value.scalar, -log(softened([1, 2, 3])[1])))
    #expect(result.gradients[0].array.allSatisfy { $0.isFinite })
  }

  @Test func `logits a thousand apart give finite numbers`() {
    let (x, y) = (Tensor([1000, 0, -1000], [1, 3]), Tensor([-1000, 0, 1000], [1, 3]))
    let result = gradient(x, y, DistillationLoss(temperature: 1))
    #expect(result.0 == 2000 && result.1 == [1, 0, -1])
  }
}
