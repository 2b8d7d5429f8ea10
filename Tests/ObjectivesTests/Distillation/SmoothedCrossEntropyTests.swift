import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct SmoothedCrossEntropyTests {
  private let logits = hashFilled("logits", [5, 6], scale: 3)

  @Test func `of three classes the target is 0.05, 0.9, 0.05, or PyTorch's 0.033, 0.933, 0.033`() {
    let hard = Tensor([0, 1, 0], [1, 3])
    for (a, b) in zip(SmoothedCrossEntropy(0.1).smoothed(hard).array, [0.05, 0.9, 0.05] as [Float]) {
      #expect(abs(a - b) < 1e-7)
    }
    let all = SmoothedCrossEntropy(0.1, convention: .all).smoothed(hard).array
    for (a, b) in zip(all, [0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3] as [Float]) { #expect(abs(a - b) < 1e-7) }
  }

  @Test(arguments: [SmoothedCrossEntropy.Convention.others, .all], [Float(0), 0.1, 0.4])
  func `the loss is the cross-entropy with the smoothed targets of the rows that have a label`(
    convention: SmoothedCrossEntropy.Convention, smoothing: Float
  ) {
    let labels: [Int?] = [4, nil, 0, 5, nil]
    let e = Double(smoothing)
    let other = convention == .all ? e / 6 : e / 5
    let own = convention == .all ? 1 - e + e / 6 : 1 - e
    let rows = zip(doubles(logits), labels).compactMap { z, label in label.map { (softened(z), $0) } }
    let expected = mean(
      rows.map { p, label in
        p.enumerated().reduce(0) { $0 - ($1.offset == label ? own : other) * log($1.element) }
      })
    let loss = SmoothedCrossEntropy(smoothing, convention: convention)
    #expect(isNear(loss(Variable(logits), labels: labels).scalar, expected))
    let check = GradientCheck(inputs: [logits], weights: { Tensor(repeating: 1, $0) }, samples: 30) {
      loss($0[0], labels: labels)
    }
    #expect(check.errors[0] < 1e-3)
  }

  @Test(arguments: [SmoothedCrossEntropy.Convention.others, .all])
  func `mixed labels are smoothed as the mixture of their smoothed targets`(
    convention: SmoothedCrossEntropy.Convention
  ) {
    let loss = SmoothedCrossEntropy(0.2, convention: convention)
    func hard(_ label: Int) -> [Float] { (0..<6).map { $0 == label ? 1 : 0 } }
    let mixed = Tensor(zip(hard(1), hard(4)).map { 0.3 * $0 + 0.7 * $1 }, [1, 6])
    let x = logits[rows: 0..<1]
    let found = loss(Variable(x), probabilities: mixed).scalar
    let (a, b) = (loss(Variable(x), labels: [1]).scalar, loss(Variable(x), labels: [4]).scalar)
    #expect(abs(found - (0.3 * a + 0.7 * b)) < 1e-5)
  }

  @Test func `a temperature divides the logits, with gradients`() {
    let targets = SmoothedCrossEntropy(0.1).smoothed(Tensor((0..<30).map { $0 % 7 == 0 ? 1 : 0 }, [5, 6]))
    let cooled = Tensor(logits.array.map { $0 / 20 }, logits.shape)
    let loss = SmoothedCrossEntropy(0)
    let found = loss(Variable(logits), probabilities: targets, temperature: 20).scalar
    #expect(abs(found - loss(Variable(cooled), probabilities: targets).scalar) < 1e-6)
    let check = GradientCheck(inputs: [logits], weights: { Tensor(repeating: 1, $0) }, samples: 30) {
      loss($0[0], probabilities: targets, temperature: 3)
    }
    #expect(check.errors[0] < 1e-3)
  }

  @Test func `without a label there is no cost and no gradient`() {
    let result = GradientCheck.gradients(inputs: [logits], weights: { Tensor(repeating: 1, $0) }) {
      SmoothedCrossEntropy()($0[0], labels: Array(repeating: nil, count: 5))
    }
    #expect(result.value.scalar == 0 && result.gradients[0].array.allSatisfy { $0 == 0 })
  }
}
