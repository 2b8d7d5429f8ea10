import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct SoftCrossEntropyTests {
  private func probabilities(_ rows: Int, _ classes: Int) -> Tensor {
    let raw = hashFilled("probabilities", [rows, classes], scale: 0.5, offset: 0.5).array
    return Tensor(
      (0..<rows).flatMap { row -> [Float] in
        let values = raw[row * classes..<(row + 1) * classes]
        return values.map { $0 / values.reduce(0, +) }
      }, [rows, classes])
  }

  @Test(arguments: [(1, 3), (5, 10), (3, 5000)], [Float(1), 0.1, 4])
  func `the loss is the mean cross-entropy of the rows`(sizes: (rows: Int, classes: Int), temperature: Float)
  {
    let (rows, classes) = sizes
    let (logits, target) = (hashFilled("logits", [rows, classes], scale: 3), probabilities(rows, classes))
    let expected = (0..<rows).reduce(0.0) { total, row in
      let range = row * classes..<(row + 1) * classes
      let z = logits.array[range].map { Double($0) / Double(temperature) }
      let logSum = log(z.reduce(0) { $0 + exp($1) })
      return zip(target.array[range], z).reduce(total) { $0 - Double($1.0) * ($1.1 - logSum) / Double(rows) }
    }
    let loss = SoftCrossEntropy(temperature: temperature)(Variable(logits), probabilities: target).scalar
    #expect(abs(Double(loss) - expected) < 1e-5 * expected)
  }

  @Test(arguments: [Float(1), 4])
  func `its gradient is the slope of the loss`(temperature: Float) {
    let target = probabilities(4, 12)
    let check = GradientCheck(
      inputs: [hashFilled("logits", [4, 12])], weights: { Tensor(repeating: 2, $0) }
    ) { SoftCrossEntropy(temperature: temperature)($0[0], probabilities: target) }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `a gradient at temperature T is the difference of probabilities over T`() {
    // Class 2 of 3; probabilities at temperature 1: student 0.1, 0.7, 0.2, teacher 0.2, 0.6, 0.2.
    let student = Tensor([0.1, 0.7, 0.2].map { Float(log($0)) }, [1, 3])
    let soft = [0.2, 0.6, 0.2].map { $0.squareRoot() }
    let target = Tensor(soft.map { Float($0 / soft.reduce(0, +)) }, [1, 3])
    let result = GradientCheck.gradients(inputs: [student], weights: { Tensor(repeating: 4, $0) }) {
      SoftCrossEntropy(temperature: 2)($0[0], probabilities: target)
    }
    for (found, expected) in zip(result.gradients[0].array, [-0.141, 0.118, 0.023] as [Float]) {
      #expect(abs(found - expected) < 1e-3)
    }
  }
}
