import EmanateAugmentations
import EmanateImages

/// Pictures in rows and columns on white paper, with words below each.
struct PictureSheet {
  /// A place of the sheet.
  struct Cell {
    /// What is shown; nil leaves room.
    var picture: Image?
    /// Lines in ink, and fainter ones after them; lines that are too long are broken.
    var heads: [String] = []
    var lines: [String] = []
    /// The colour of a frame around it, three pixels wide; a thin grey edge if there is none.
    var frame: Colour?
  }

  /// Lines above everything.
  let title: [String]
  /// What stands above the columns; none for no heads.
  let columns: [String]
  /// Rows of cells, which may be shorter than others.
  let rows: [[Cell]]

  static let paper = Colour(255, 255, 255)
  static let ink = Colour(34, 34, 34)
  static let faint = Colour(112, 112, 112)
  /// Around each picture, or a white one would not be seen.
  static let edge = Colour(212, 212, 212)
  private static let margin = 16
  private static let gap = 14
  private static let lineHeight = BitmapFont.height + 4
  /// Room for a line of words below a small picture.
  private static let narrowest = 100

  /// The sheet, [height, width, 3].
  var image: Image {
    let widths = widths
    let laidOut = rows.map { row in
      zip(row, widths).map { cell, width in
        (
          cell: cell, heads: cell.heads.flatMap { BitmapFont.lines([$0], width: width) },
          lines: cell.lines.flatMap { BitmapFont.lines([$0], width: width) }
        )
      }
    }
    let heights = laidOut.map { row in
      row.map { ($0.cell.picture?.height ?? 0) + 6 + ($0.heads.count + $0.lines.count) * Self.lineHeight }
        .max() ?? 0
    }
    let head = Self.margin + (title.count + (columns.isEmpty ? 0 : 1)) * Self.lineHeight + 8
    let width = widths.reduce(0, +) + max(widths.count - 1, 0) * Self.gap
    let wanted = title.map { BitmapFont.width(of: $0) }.max() ?? 0
    var canvas = Canvas(
      width: max(width, wanted) + 2 * Self.margin,
      height: head + heights.reduce(0, +) + max(rows.count - 1, 0) * Self.gap + Self.margin, Self.paper)
    for (number, line) in title.enumerated() {
      canvas.write(
        line, x: Self.margin, y: Self.margin + number * Self.lineHeight, number == 0 ? Self.ink : Self.faint)
    }
    let lefts = widths.indices.map { column in
      Self.margin + widths[..<column].reduce(0, +) + column * Self.gap
    }
    for (name, x) in zip(columns, lefts) {
      canvas.write(name, x: x, y: head - 4 - Self.lineHeight, Self.faint)
    }
    var y = head
    for (row, height) in zip(laidOut, heights) {
      for (entry, x) in zip(row, lefts) {
        if let picture = entry.cell.picture {
          let thickness = entry.cell.frame == nil ? 1 : 3
          let around = PixelRectangle(
            x: x - thickness, y: y - thickness, width: picture.width + 2 * thickness,
            height: picture.height + 2 * thickness)
          canvas.frame(around, entry.cell.frame ?? Self.edge, thickness: thickness)
          canvas.draw(picture, x: x, y: y)
        }
        var line = y + (entry.cell.picture?.height ?? 0) + 6
        for (texts, colour) in [(entry.heads, Self.ink), (entry.lines, Self.faint)] {
          for text in texts {
            canvas.write(text, x: x, y: line, colour)
            line += Self.lineHeight
          }
        }
      }
      y += height + Self.gap
    }
    return canvas.image
  }

  private var widths: [Int] {
    (0..<max(rows.map(\.count).max() ?? 0, columns.count)).map { column in
      let pictures = rows.compactMap { column < $0.count ? $0[column].picture?.width : nil }
      let name = column < columns.count ? BitmapFont.width(of: columns[column]) : 0
      return max(pictures.max() ?? 0, Self.narrowest, name)
    }
  }

  /// The picture within `side` x `side` pixels: shrunk, or enlarged by a whole factor.
  static func fitted(_ picture: Image, side: Int) -> Image {
    let longest = max(picture.width, picture.height)
    if longest > side {
      let scale = Double(side) / Double(longest)
      return picture.resized(
        width: max(Int((Double(picture.width) * scale).rounded()), 1),
        height: max(Int((Double(picture.height) * scale).rounded()), 1))
    }
    let zoom = side / longest
    if zoom == 1 { return picture }
    var canvas = Canvas(width: picture.width * zoom, height: picture.height * zoom, paper)
    canvas.draw(picture, x: 0, y: 0, zoom: zoom)
    return canvas.image
  }
}
