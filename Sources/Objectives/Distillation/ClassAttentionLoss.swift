import EmanateAutograd
import EmanateTensors
import Foundation

/// Attention distillation (AttnDistill, Wang et al. 2022, arXiv:2210.00944): the student's class token is to attend to what
/// the teacher's attends to.
///
/// The sum over heads of KL(teacher ‖ student), the mean over images, as in the authors' code. Networks of other numbers of
/// heads are compared by one distribution each, the softmax over tokens of the mean of the heads' logarithms (the authors
/// divide the sum by a temperature of 10 or 20; the number of heads keeps networks of few and of many alike sharp).
/// Registers, which the paper does not know, are left out and the rest brought to the sum 1. A finer grid's shares are
/// added up where the authors interpolate: what falls on a patch is what fell on its parts.
public struct ClassAttentionLoss: Sendable {
  /// How the tokens of a network lie: the class token, registers, then patches row by row.
  public struct Layout: Sendable, Equatable, CustomStringConvertible {
    /// Attention heads, registers, and rows and columns of patches.
    public let heads, registers, rows, columns: Int

    /// A layout by its numbers.
    public init(heads: Int, registers: Int = 0, rows: Int, columns: Int) {
      (self.heads, self.registers, self.rows, self.columns) = (heads, registers, rows, columns)
    }

    /// All tokens.
    public var tokens: Int { 1 + registers + rows * columns }
    /// `3 heads over 14 x 14 patches`.
    public var description: String { "\(heads) heads over \(rows) x \(columns) patches" }
  }

  /// The student's and the teacher's layout.
  public let student, teacher: Layout
  /// Shares below this count as this and have no gradient; the authors cut at 0.00001.
  private static let least = 1e-8

  /// A loss for two layouts that `canCompare` allows.
  public init(student: Layout, teacher: Layout) {
    precondition(
      Self.canCompare(student, teacher), "ClassAttentionLoss: \(student), the teacher's \(teacher)")
    (self.student, self.teacher) = (student, teacher)
  }

  /// Whether each of the student's patches is made of whole patches of the teacher.
  public static func canCompare(_ student: Layout, _ teacher: Layout) -> Bool {
    student.rows > 0 && student.columns > 0 && teacher.rows % student.rows == 0
      && teacher.columns % student.columns == 0 && teacher.rows >= student.rows
      && teacher.columns >= student.columns
  }

  /// student: [B, H, 1 + R + P] shares, teacher: the same in its own layout -> [1]. The teacher is a constant.
  public func callAsFunction(student shares: Variable, teacher constant: Tensor) -> Variable {
    let (ours, batch) = (student, shares.shape[0])
    precondition(
      shares.shape == Shape([batch, ours.heads, ours.tokens])
        && constant.shape == Shape([batch, teacher.heads, teacher.tokens]),
      "ClassAttentionLoss: student \(shares.shape) for \(student), teacher \(constant.shape) for \(teacher)")
    let (values, targets) = (shares.value.array.map(Double.init), constant.array.map(Double.init))
    var gradient = [Float](repeating: 0, count: values.count)
    var loss = 0.0
    for image in 0..<batch {
      let own = (0..<ours.heads).map { head in
        Array(
          values[(image * ours.heads + head) * ours.tokens..<(image * ours.heads + head + 1) * ours.tokens])
      }
      let their = (0..<teacher.heads).map { head in
        let start = (image * teacher.heads + head) * teacher.tokens
        return aligned(Array(targets[start..<start + teacher.tokens]))
      }
      let (value, slopes) = ours.heads == teacher.heads ? byHead(own, their) : aggregated(own, their)
      loss += value
      for (head, row) in slopes.enumerated() {
        let start = (image * ours.heads + head) * ours.tokens
        for (place, slope) in row.enumerated() { gradient[start + place] = Float(slope / Double(batch)) }
      }
    }
    return record(
      Tensor([Float(loss / Double(max(1, batch)))], [1]), [shares],
      KnownGradientBackward(gradient: Tensor(gradient, shares.shape)))
  }

  // The student's tokens that are compared.
  private var compared: [Int] { [0] + ((1 + student.registers)..<student.tokens) }

  // A head of the teacher over the student's compared tokens, with the sum 1.
  private func aligned(_ row: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: 1 + student.rows * student.columns)
    sums[0] = row[0]
    let (down, across) = (teacher.rows / student.rows, teacher.columns / student.columns)
    for y in 0..<teacher.rows {
      for x in 0..<teacher.columns {
        sums[1 + y / down * student.columns + x / across] +=
          row[
            1 + teacher.registers + y * teacher.columns + x]
      }
    }
    let total = max(Self.least, sums.reduce(0, +))
    return sums.map { $0 / total }
  }

  private func byHead(_ own: [[Double]], _ their: [[Double]]) -> (Double, [[Double]]) {
    var (loss, slopes) = (0.0, [[Double]]())
    for (row, target) in zip(own, their) {
      let sum = max(Self.least, compared.reduce(0) { $0 + row[$1] })
      var slope = [Double](repeating: 0, count: row.count)
      for (place, q) in zip(compared, target) {
        let p = max(Self.least, row[place])
        if q > 0 { loss += q * (log(q) - log(p / sum)) }
        slope[place] = (row[place] >= Self.least ? -q / p : 0) + 1 / sum
      }
      slopes.append(slope)
    }
    return (loss, slopes)
  }

  private func aggregated(_ own: [[Double]], _ their: [[Double]]) -> (Double, [[Double]]) {
    func together(_ heads: [[Double]], _ places: [Int]) -> [Double] {
      let logits = places.map { place in
        heads.reduce(0) { $0 + log(max(Self.least, $1[place])) } / Double(heads.count)
      }
      let top = logits.max() ?? 0
      let powers = logits.map { exp($0 - top) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
    let (p, q) = (together(own, compared), together(their, Array(their[0].indices)))
    let loss = zip(p, q).reduce(0) { $0 + ($1.1 > 0 ? $1.1 * log($1.1 / $1.0) : 0) }
    let slopes = own.map { row in
      var slope = [Double](repeating: 0, count: row.count)
      for (index, place) in compared.enumerated() where row[place] >= Self.least {
        slope[place] = (p[index] - q[index]) / (Double(own.count) * row[place])
      }
      return slope
    }
    return (loss, slopes)
  }
}
