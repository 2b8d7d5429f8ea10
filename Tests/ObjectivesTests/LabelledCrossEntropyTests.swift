import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

@Suite struct LabelledCrossEntropyTests {
  private let logits = hashFilled("logits", [6, 10], scale: 2)
  private let labels: [Int?] = [3, nil, 9, 0, nil, nil]

  @Test func `the loss is the labelled rows' cross-entropy, over the number of all rows`() {
    let loss = LabelledCrossEntropy()(Variable(logits), labels: labels).scalar
    let chosen = [0, 2, 3].flatMap { Array(logits[rows: $0..<$0 + 1].array) }
    let mean = crossEntropy(Variable(Tensor(chosen, [3, 10])), labels: [3, 9, 0]).scalar
    #expect(abs(loss - mean * 3 / 6) < 1e-6)
  }

  @Test func `its gradient is the slope of the loss, and 0 where there is no label`() {
    let check = GradientCheck(inputs: [logits], weights: { Tensor(repeating: 2, $0) }) {
      LabelledCrossEntropy()($0[0], labels: labels)
    }
    #expect(check.errors[0] < 2e-3)
    let gradient = GradientCheck.gradients(inputs: [logits], weights: { Tensor(repeating: 1, $0) }) {
      LabelledCrossEntropy()($0[0], labels: labels)
    }.gradients[0]
    for (row, label) in labels.enumerated() {
      #expect(gradient[rows: row..<row + 1].array.allSatisfy { $0 == 0 } == (label == nil))
    }
  }

  @Test func `a batch without labels costs nothing`() {
    let result = GradientCheck.gradients(inputs: [logits], weights: { Tensor(repeating: 1, $0) }) {
      LabelledCrossEntropy()($0[0], labels: Array(repeating: nil, count: 6))
    }
    #expect(result.value.scalar == 0 && result.gradients[0].array.allSatisfy { $0 == 0 })
  }

  @Test func `with all labels it is the cross-entropy`() {
    let loss = LabelledCrossEntropy()(Variable(logits), labels: [1, 2, 3, 4, 5, 6]).scalar
    #expect(abs(loss - crossEntropy(Variable(logits), labels: [1, 2, 3, 4, 5, 6]).scalar) < 1e-6)
  }
}
