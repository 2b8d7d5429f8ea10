import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

@Suite struct PositionLogitsTests {
  private func gradient(_ x: Tensor, _ loss: (Variable) -> Variable) -> (value: Float, gradient: Tensor) {
    let result = GradientCheck.gradients(inputs: [x], weights: { Tensor(repeating: 1, $0) }) { loss($0[0]) }
    return (result.value.scalar, result.gradients[0])
  }

  @Test func `a map's classes become rows in the order of its positions`() {
    // Element (n, c, h, w) is 1000 n + 100 c + 10 h + w.
    let digits = (0..<24).map { [$0 / 12, $0 / 4 % 3, $0 / 2 % 2, $0 % 2] }
    let values = digits.map { Float(1000 * $0[0] + 100 * $0[1] + 10 * $0[2] + $0[3]) }
    let rows = PositionLogits([2, 3, 2, 2], classAxis: 1).rows(Tensor(values, [2, 3, 2, 2]))
    #expect(rows.shape == [8, 3])
    #expect(rows[rows: 3..<4].array == [11, 111, 211])
    #expect(rows[rows: 4..<5].array == [1000, 1100, 1200])
    let tokens = Tensor(values, [4, 2, 3])
    #expect(PositionLogits([4, 2, 3], classAxis: -1).rows(tokens).array == values)
  }

  @Test func `positions that do not count get the gradient 0 and the others a mean over themselves`() {
    let shape: Shape = [2, 5, 2, 3]
    let (x, y) = (hashFilled("student", shape, scale: 3), hashFilled("teacher", shape, scale: 3))
    let labels = [0, 255, 4, 1, 255, 255, 2, 3, 255, 0, 1, 2]
    let positions = PositionLogits(shape, classAxis: 1, labels: labels, ignoring: 255)
    #expect(positions.counted == [0, 2, 3, 6, 7, 9, 10, 11])
    #expect(positions.chosen(labels) == [0, 4, 1, 2, 3, 0, 1, 2])
    #expect(PositionLogits.labels([1, 255], ignoring: 255) == [1, nil])
    let found = gradient(x) {
      DistillationLoss()(student: positions.rows($0), teacher: positions.rows(y))
    }
    let everywhere = PositionLogits(shape, classAxis: 1)
    let (a, b) = (doubles(everywhere.rows(x)), doubles(everywhere.rows(y)))
    let expected = 16 * mean(positions.counted.map { divergence(softened(b[$0], 4), softened(a[$0], 4)) })
    #expect(isNear(found.value, expected))
    let slopes = everywhere.rows(found.gradient)
    for (position, label) in labels.enumerated() {
      #expect(slopes[rows: position..<position + 1].array.allSatisfy { $0 == 0 } == (label == 255))
    }
  }

  @Test func `gradients go back to where the rows come from`() {
    let shape: Shape = [2, 4, 3]
    let teacher = hashFilled("teacher", shape, scale: 2)
    let positions = PositionLogits(shape, classAxis: 1, counts: [true, false, true, true, true, false])
    let check = GradientCheck(
      inputs: [hashFilled("student", shape, scale: 2)], weights: { Tensor(repeating: 1, $0) }
    ) { DISTLoss()(student: positions.rows($0[0]), teacher: positions.rows(teacher)) }
    #expect(check.errors[0] < 1e-3)
  }

  @Test func `many positions on one, two and three threads are the same rows and come back to their places`()
  {
    let shape: Shape = [2, 3, 50, 60]
    let x = hashFilled("student", shape)
    let positions = PositionLogits(shape, classAxis: 1, counts: (0..<6000).map { $0 % 7 != 0 })
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(inputs: [x], weights: { hashFilled("weights", $0) }) {
          positions.rows($0[0])
        }
        return [result.value.array, result.gradients[0].array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    let weights = hashFilled("weights", [positions.counted.count, 3])
    let back = Tensor(results[0][1], shape)
    #expect(positions.rows(back).array == weights.array)
    #expect(back.array.count { $0 != 0 } == weights.array.count { $0 != 0 })
  }

  @Test(arguments: DistillationCase.logits)
  func `where no position counts every loss of logits is 0, with the gradient 0`(_ tried: DistillationCase) {
    let shape: Shape = [2, 9, 3]
    let positions = PositionLogits(shape, classAxis: 1, counts: Array(repeating: false, count: 6))
    let teacher = positions.rows(hashFilled("teacher", shape))
    let found = gradient(hashFilled("student", shape)) { tried.loss(positions.rows($0), teacher) }
    #expect(found.value == 0 && found.gradient.array.allSatisfy { $0 == 0 })
    let smoothed = gradient(hashFilled("student", shape)) {
      SmoothedCrossEntropy()(positions.rows($0), labels: [])
    }
    #expect(smoothed.value == 0 && smoothed.gradient.array.allSatisfy { $0 == 0 })
  }
}
