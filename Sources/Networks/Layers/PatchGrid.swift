/// How the patches of an image lie: row by row, from the top left corner.
public struct PatchGrid: Sendable, Hashable, CustomStringConvertible {
  /// Patches from top to bottom, and from left to right.
  public let rows, columns: Int

  /// A grid of at least one patch.
  public init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0, "PatchGrid: \(rows) rows, \(columns) columns")
    (self.rows, self.columns) = (rows, columns)
  }

  /// The patches in it.
  public var count: Int { rows * columns }

  /// `6 x 9`, rows first.
  public var description: String { "\(rows) x \(columns)" }

  /// The square grid of so many patches, if there is one.
  init?(squareOf count: Int) {
    let side = Int(Double(count).squareRoot().rounded())
    guard count > 0, side * side == count else { return nil }
    self.init(rows: side, columns: side)
  }
}
