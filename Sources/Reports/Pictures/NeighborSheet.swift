import EmanateImages

/// Images with those whose features are nearest, a row each: the similarity below a neighbour, and where classes are known
/// whether it has the right one, as the colour of its frame and in words.
public struct NeighborSheet: Sendable {
  /// A picture of the sheet.
  public struct Entry: Sendable {
    /// The image, of any size.
    public let image: Image
    /// What it is called.
    public let name: String
    /// Its class, if it has one.
    public let label: String?
    /// The cosine similarity to the query; nil for the query itself.
    public let similarity: Double?

    /// An image by its name, with what is known of it.
    public init(image: Image, name: String, label: String?, similarity: Double? = nil) {
      // Shrunk at once: a sheet may hold hundreds of photographs.
      (self.image, self.name) = (PictureSheet.fitted(image, side: NeighborSheet.side), name)
      (self.label, self.similarity) = (label, similarity)
    }
  }

  /// What stands above the sheet.
  public let title: String
  /// A query and its neighbours, nearest first.
  public let rows: [(query: Entry, neighbors: [Entry])]

  /// A sheet of one row or more.
  public init(title: String, rows: [(query: Entry, neighbors: [Entry])]) {
    precondition(!rows.isEmpty, "NeighborSheet: no rows")
    (self.title, self.rows) = (title, rows)
  }

  fileprivate static let side = 112
  /// Okabe and Ito's green and vermilion, which most eyes can tell apart.
  private static let right = Colour(0, 158, 115)
  private static let wrong = Colour(213, 94, 0)

  /// The sheet as a picture.
  public var image: Image {
    let cells = rows.map { row in
      [PictureSheet.Cell(picture: row.query.image, heads: heads(row.query), lines: [row.query.name])]
        + row.neighbors.map { cell($0, of: row.query) }
    }
    let places = rows.map(\.neighbors.count).max() ?? 0
    return PictureSheet(
      title: [title], columns: ["query"] + (0..<places).map { "\($0 + 1)" }, rows: cells
    ).image
  }

  private func heads(_ query: Entry) -> [String] { query.label.map { [$0] } ?? [] }

  private func cell(_ neighbor: Entry, of query: Entry) -> PictureSheet.Cell {
    let similarity = NumberText.fixed(neighbor.similarity ?? 0, digits: 3)
    guard let label = neighbor.label, let wanted = query.label else {
      return PictureSheet.Cell(
        picture: neighbor.image, heads: [similarity] + (neighbor.label.map { [$0] } ?? []),
        lines: [neighbor.name])
    }
    let isRight = label == wanted
    return PictureSheet.Cell(
      picture: neighbor.image, heads: [similarity, isRight ? "right" : "wrong: \(label)"],
      lines: [neighbor.name], frame: isRight ? Self.right : Self.wrong)
  }
}

extension NumberText {
  /// So many digits behind the point.
  static func fixed(_ value: Double, digits: Int) -> String {
    let power = (0..<digits).reduce(1.0) { power, _ in power * 10 }
    let whole = Int((abs(value) * power).rounded())
    let (front, back) = whole.quotientAndRemainder(dividingBy: Int(power))
    let text = String(back)
    let zeros = String(repeating: "0", count: digits - text.count)
    return (value < 0 && whole > 0 ? "-" : "") + "\(front).\(zeros)\(text)"
  }
}
