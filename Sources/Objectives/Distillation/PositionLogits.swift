import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Makes logits of many positions, of pixels or tokens, into rows for losses of rows, without those that do
/// not count.
///
///     let positions = PositionLogits(student.shape, classAxis: 1, labels: mask, ignoring: 255)
///     let loss = DistillationLoss()(student: positions.rows(student), teacher: positions.rows(teacher))
///
/// The loss is then the mean over the positions that count; the others get the gradient 0. If none counts
/// there are no rows, and losses of rows are 0.
public struct PositionLogits: Sendable {
  /// The shape of the logits.
  public let shape: Shape
  /// The numbers of the positions that count, in row-major order of all axes but the classes'.
  public let counted: [Int]
  private let classes, inner: Int

  /// Positions of logits such as [N, C, H, W] (class axis 1) or [N, T, C] and [N, H, W, C] (class axis -1).
  ///
  /// - Parameters:
  ///   - classAxis: Which axis holds the classes; a negative one counts from the end.
  ///   - counts: For each position whether it counts, row-major over the other axes; nil: all count.
  public init(_ shape: Shape, classAxis: Int, counts: [Bool]? = nil) {
    let axis = classAxis < 0 ? shape.rank + classAxis : classAxis
    precondition(
      shape.rank >= 2 && axis > 0 && axis < shape.rank, "PositionLogits: class axis \(classAxis) of \(shape)")
    (self.shape, classes) = (shape, shape[axis])
    inner = (axis + 1..<shape.rank).reduce(1) { $0 * shape[$1] }
    let positions = (0..<shape.rank).reduce(1) { $1 == axis ? $0 : $0 * shape[$1] }
    precondition(
      counts == nil || counts?.count == positions,
      "PositionLogits: \(counts?.count ?? 0) marks for \(positions) positions of \(shape)")
    self.counted = (0..<positions).filter { counts?[$0] ?? true }
  }

  /// The same, where positions with the label `ignored` do not count; labels: one for each position.
  public init(_ shape: Shape, classAxis: Int, labels: [Int], ignoring ignored: Int) {
    self.init(shape, classAxis: classAxis, counts: labels.map { $0 != ignored })
  }

  /// A batch's labels where one number stands for none.
  public static func labels(_ labels: [Int], ignoring ignored: Int) -> [Int?] {
    labels.map { $0 == ignored ? nil : $0 }
  }

  /// What belongs to the positions that count, of one value for each position.
  public func chosen<Element>(_ values: [Element]) -> [Element] {
    precondition(
      values.count * classes == shape.count, "PositionLogits: \(values.count) values for logits \(shape)")
    return counted.map { values[$0] }
  }

  /// Logits of the shape -> [M, C], a row for each position that counts.
  public func rows(_ logits: Tensor) -> Tensor {
    precondition(logits.shape == shape, "PositionLogits: logits \(logits.shape), not \(shape)")
    let rows = Tensor(uninitialized: [counted.count, classes])
    let (from, to, classes, inner) = (logits.pointer, rows.pointer, classes, inner)
    eachRow { row, start in
      for i in 0..<classes { to[row * classes + i] = from[start + i * inner] }
    }
    return withExtendedLifetime(logits) { rows }
  }

  /// The same of a variable: gradients go back to where the rows come from, 0 to all other positions.
  public func rows(_ logits: Variable) -> Variable {
    record(rows(logits.value), [logits], PositionRowsBackward(positions: self))
  }

  /// Calls `body` with each row and where its position's first class stands, on any thread.
  private func eachRow(_ body: (_ row: Int, _ start: Int) -> Void) {
    let blocks = Blocks(counted.count, about: 1024)
    ThreadPool.shared.forEach(blocks.count) { index in
      for row in blocks[index] {
        let (outside, inside) = counted[row].quotientAndRemainder(dividingBy: inner)
        body(row, outside * classes * inner + inside)
      }
    }
  }

  fileprivate func spread(_ rows: Tensor) -> Tensor {
    let logits = Tensor(repeating: 0, shape)
    let (from, to, classes, inner) = (rows.pointer, logits.pointer, classes, inner)
    eachRow { row, start in
      for i in 0..<classes { to[start + i * inner] = from[row * classes + i] }
    }
    return withExtendedLifetime(rows) { logits }
  }
}

private struct PositionRowsBackward: BackwardRule {
  static let name = "rows of positions"
  let positions: PositionLogits
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let dy = dy
    inputs.give(0, positions.spread(dy))
  }
}
