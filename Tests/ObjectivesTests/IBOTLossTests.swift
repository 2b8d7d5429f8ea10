import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct IBOTLossTests {
  /// Masked patches of each of five crops.
  static let counts = [4, 0, 1, 6, 2]
  private let student = hashFilled("student", [13, 40])
  private let teacher = hashFilled("teacher", [13, 40])
  private var weights: [Float] {
    Self.counts.flatMap { Array(repeating: 1 / Float($0), count: $0) }
  }

  private func loss(_ centering: Centering) -> IBOTLoss {
    var loss = IBOTLoss(prototypes: 40, centering: centering)
    loss.setCenter(hashFilled("center", [40], scale: 0.3))
    return loss
  }

  /// The cross-entropy of each row with its target, the mean of a crop's rows, the mean of all crops.
  private func oracle(_ targets: Tensor) -> Double {
    let (s, t) = (student.array.map { Double($0) / Double(Float(0.1)) }, targets.array.map(Double.init))
    func cost(_ row: Int) -> Double {
      let z = s[row * 40..<row * 40 + 40]
      let logSum = log(z.reduce(0) { $0 + exp($1) })
      return zip(t[row * 40..<row * 40 + 40], z).reduce(0) { $0 - $1.0 * ($1.1 - logSum) }
    }
    var (total, row) = (0.0, 0)
    for count in Self.counts {
      for _ in 0..<count {
        total += cost(row) / Double(count)
        row += 1
      }
    }
    return total / Double(Self.counts.count)
  }

  @Test(arguments: [Centering.ema, .sinkhorn, .off])
  func `the loss is the mean over crops of the mean over their masked patches`(centering: Centering) {
    var loss = loss(centering)
    let value = loss(
      student: Variable(student), teacher: teacher, weights: weights, crops: 5, teacherTemperature: 0.07)
    var targets = loss.targets
    let expected = oracle(targets(teacher, temperature: 0.07))
    #expect(abs(Double(value.scalar) - expected) < 1e-5 * expected)
  }

  @Test(arguments: [Centering.ema, .sinkhorn])
  func `its gradient is the slope of the loss`(centering: Centering) {
    let check = GradientCheck(inputs: [student], weights: { Tensor(repeating: 2, $0) }, step: 1e-2) {
      var loss = loss(centering)
      return loss(student: $0[0], teacher: teacher, weights: weights, crops: 5, teacherTemperature: 0.07)
    }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `the center moves toward the mean of the masked patches' logits`() {
    var loss = IBOTLoss(prototypes: 40)
    loss.noteTeacher(teacher)
    loss.moveCenter()
    let mean = (0..<40).map { k in (0..<13).reduce(Float(0)) { $0 + teacher.array[$1 * 40 + k] } / 13 }
    #expect(relativeError(loss.center, Tensor(mean.map { $0 * 0.1 }, [40])) < 1e-6)
  }

  @Test func `a batch without masks costs nothing and leaves the center`() {
    for centering in [Centering.ema, .sinkhorn] {
      var loss = loss(centering)
      let none = Tensor(uninitialized: [0, 40])
      let result = GradientCheck.gradients(inputs: [none], weights: { Tensor(repeating: 1, $0) }) {
        loss(student: $0[0], teacher: none, weights: [], crops: 5, teacherTemperature: 0.07)
      }
      #expect(result.value.scalar == 0 && result.gradients[0].count == 0)
      loss.noteTeacher(none)
      loss.moveCenter()
      #expect(loss.center.array == hashFilled("center", [40], scale: 0.3).array)
    }
  }

  @Test func `one, two and three threads give the same loss and gradient`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        var loss = loss(.sinkhorn)
        let result = GradientCheck.gradients(inputs: [student], weights: { Tensor(repeating: 1, $0) }) {
          loss(student: $0[0], teacher: teacher, weights: weights, crops: 5, teacherTemperature: 0.07)
        }
        return [result.value.array, result.gradients[0].array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
