import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct ConsistencyLossTests {
  private func softmax(_ z: ArraySlice<Float>) -> [Double] {
    let total = z.reduce(0.0) { $0 + exp(Double($1)) }
    return z.map { exp(Double($0)) / total }
  }

  @Test(arguments: [(1, 2), (5, 10), (9, 33), (3, 1000)])
  func `the loss is the mean over images and classes of squared differences of probabilities`(
    rows: Int, classes: Int
  ) {
    let student = hashFilled("student", [rows, classes], scale: 3)
    let teacher = hashFilled("teacher", [rows, classes], scale: 3)
    let expected = (0..<rows).reduce(0.0) { total, row in
      let range = row * classes..<(row + 1) * classes
      return zip(softmax(student.array[range]), softmax(teacher.array[range])).reduce(total) {
        $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / Double(rows * classes)
      }
    }
    let loss = ConsistencyLoss()(Variable(student), teacher: teacher).scalar
    #expect(abs(Double(loss) - expected) < 1e-5 * expected)
  }

  @Test(arguments: [(1, 2), (5, 10), (4, 33)])
  func `its gradient is the slope of the loss`(rows: Int, classes: Int) {
    let teacher = hashFilled("teacher", [rows, classes], scale: 3)
    let check = GradientCheck(
      inputs: [hashFilled("student", [rows, classes], scale: 2)], weights: { Tensor(repeating: 50, $0) }
    ) { ConsistencyLoss()($0[0], teacher: teacher) }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `equal logits, and logits that differ by a constant, cost nothing and leave no gradient`() {
    let teacher = hashFilled("teacher", [4, 10])
    let result = GradientCheck.gradients(
      inputs: [Tensor(teacher.array.map { $0 + 2 }, [4, 10])], weights: { Tensor(repeating: 1, $0) }
    ) { ConsistencyLoss()($0[0], teacher: teacher) }
    #expect(result.value.scalar < 1e-12)
    #expect(result.gradients[0].array.allSatisfy { abs($0) < 1e-8 })
  }

  @Test func `the ramp begins at e to the -5, rises, and stays at 1`() {
    let ramp = stride(from: 0.0, through: 1, by: 0.1).map { ConsistencyLoss.rampUp(at: $0) }
    #expect(abs(ramp[0] - exp(-5)) < 1e-15 && ramp[10] == 1)
    #expect(zip(ramp, ramp.dropFirst()).allSatisfy { $0 < $1 })
    #expect(abs(ramp[5] - exp(-1.25)) < 1e-15)
    #expect(ConsistencyLoss.rampUp(at: 7) == 1 && ConsistencyLoss.rampUp(at: -1) == ramp[0])
  }

  @Test func `one, two and three threads give the same loss and gradient`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(
          inputs: [hashFilled("student", [50, 100])], weights: { Tensor(repeating: 1, $0) }
        ) { ConsistencyLoss()($0[0], teacher: hashFilled("teacher", [50, 100])) }
        return [result.value.array, result.gradients[0].array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
