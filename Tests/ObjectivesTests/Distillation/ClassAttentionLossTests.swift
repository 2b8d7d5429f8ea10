import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct ClassAttentionLossTests {
  private typealias Layout = ClassAttentionLoss.Layout

  /// Shares of a layout: positive, the sum 1 a head.
  private static func shares(_ name: String, _ batch: Int, _ layout: ClassAttentionLoss.Layout) -> Tensor {
    let raw = hashFilled(name, [batch * layout.heads, layout.tokens], scale: 1.5).array.map { exp($0) }
    let sums = (0..<batch * layout.heads).map { row in
      raw[row * layout.tokens..<(row + 1) * layout.tokens].reduce(0, +)
    }
    return Tensor(
      raw.enumerated().map { $0.element / sums[$0.offset / layout.tokens] },
      [batch, layout.heads, layout.tokens])
  }

  private static let layouts: [(student: ClassAttentionLoss.Layout, teacher: ClassAttentionLoss.Layout)] = [
    (Layout(heads: 3, rows: 2, columns: 3), Layout(heads: 3, rows: 2, columns: 3)),
    (
      Layout(heads: 2, registers: 1, rows: 2, columns: 2), Layout(heads: 2, registers: 3, rows: 4, columns: 6)
    ),
    (Layout(heads: 3, rows: 2, columns: 2), Layout(heads: 6, rows: 4, columns: 4)),
  ]

  @Test func `two heads over two patches, by hand`() {
    let layout = Layout(heads: 2, rows: 1, columns: 2)
    let loss = ClassAttentionLoss(student: layout, teacher: layout)
    let student = Variable(Tensor([0.2, 0.3, 0.5, 0.6, 0.2, 0.2], [1, 2, 3]))
    let value = loss(student: student, teacher: Tensor([0.2, 0.3, 0.5, 0.2, 0.2, 0.6], [1, 2, 3])).scalar
    #expect(abs(value - Float(0.2 * log(0.2 / 0.6) + 0.6 * log(0.6 / 0.2))) < 1e-6)
    // One head against two: the geometric mean of theirs is 0.2, 0.245, 0.548 over their sum.
    let one = ClassAttentionLoss(student: Layout(heads: 1, rows: 1, columns: 2), teacher: layout)
    let theirs = [0.2, 0.06.squareRoot(), 0.3.squareRoot()]
    let q = theirs.map { $0 / theirs.reduce(0, +) }
    let mean = one(
      student: Variable(Tensor([0.5, 0.25, 0.25], [1, 1, 3])),
      teacher: Tensor([0.2, 0.3, 0.5, 0.2, 0.2, 0.6], [1, 2, 3])
    ).scalar
    #expect(abs(Double(mean) - zip(q, [0.5, 0.25, 0.25]).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }) < 1e-6)
  }

  @Test func `a finer teacher's shares are added up, and registers are left out`() {
    let (student, teacher) = (
      Layout(heads: 1, rows: 1, columns: 2), Layout(heads: 1, registers: 1, rows: 2, columns: 4)
    )
    let fine = Tensor([0.1, 0.5, 0.02, 0.03, 0.05, 0.05, 0.05, 0.1, 0.05, 0.05], [1, 1, 10])
    // Left half: 0.02 + 0.03 + 0.05 + 0.1; of 0.5 without the register.
    let same = Variable(Tensor([0.2, 0.4, 0.4], [1, 1, 3]))
    #expect(
      abs(ClassAttentionLoss(student: student, teacher: teacher)(student: same, teacher: fine).scalar) < 1e-6)
  }

  @Test(arguments: layouts.indices)
  func `the gradient is the slope of the loss`(index: Int) {
    let (student, teacher) = Self.layouts[index]
    let loss = ClassAttentionLoss(student: student, teacher: teacher)
    let (x, y) = (Self.shares("s", 3, student), Self.shares("t", 3, teacher))
    let check = GradientCheck(
      inputs: [x], weights: { Tensor(repeating: 1, $0) }, step: 1e-3, samples: x.count
    ) {
      loss(student: $0[0], teacher: y)
    }
    #expect(check.errors[0] < 2e-3)
    let value = loss(student: Variable(x), teacher: y).scalar
    #expect(value > 0.05 && value.isFinite)
  }

  @Test func `a student equal to its teacher costs nothing, and zeros are finite`() {
    for (layout, other) in Self.layouts {
      let loss = ClassAttentionLoss(student: layout, teacher: layout)
      let x = Self.shares("s", 2, layout)
      #expect(abs(loss(student: Variable(x), teacher: x).scalar) < 1e-6)
      var sharp = [Float](repeating: 0, count: other.heads * other.tokens)
      for head in 0..<other.heads { sharp[head * other.tokens] = 1 }
      let both = ClassAttentionLoss(student: layout, teacher: other)
      let result = GradientCheck.gradients(
        inputs: [Tensor(repeating: 0, [1, layout.heads, layout.tokens])],
        weights: { Tensor(repeating: 1, $0) }
      ) { both(student: $0[0], teacher: Tensor(sharp, [1, other.heads, other.tokens])) }
      #expect(result.value.scalar.isFinite && result.gradients[0].array.allSatisfy { $0.isFinite })
    }
  }

  @Test func `patches that do not fill the student's cannot be compared`() {
    let fine = Layout(heads: 3, rows: 14, columns: 14)
    #expect(!ClassAttentionLoss.canCompare(fine, Layout(heads: 3, rows: 7, columns: 7)))
    #expect(!ClassAttentionLoss.canCompare(fine, Layout(heads: 3, rows: 21, columns: 28)))
    #expect(ClassAttentionLoss.canCompare(fine, Layout(heads: 6, rows: 28, columns: 14)))
    #expect("\(fine)" == "3 heads over 14 x 14 patches")
  }
}
