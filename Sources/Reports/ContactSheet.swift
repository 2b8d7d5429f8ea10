import EmanateAugmentations
import EmanateImages

/// A picture of what a recipe does: each row an image with the views that training would see of it, each
/// column a view, with its crop, its size and what was applied.
///
/// At the left stands the image itself, small, with the frames of the crops in the colours of their columns.
public struct ContactSheet {
  /// One image of the sheet.
  public struct Row: Sendable {
    /// Its name and what else is known of it, a word or two each.
    public let label: [String]
    /// The image.
    public let original: Image
    /// Its views, in the order of the recipe.
    public let views: [DescribedView]

    /// An image, what it is called, and its views.
    public init(label: [String], original: Image, views: [DescribedView]) {
      self.label = label
      self.original = original
      self.views = views
    }
  }

  /// What stands above the sheet.
  public let title: String
  /// The views' groups; the first one holds the global views.
  public let groups: [ViewGroupShape]
  /// The images.
  public let rows: [Row]

  /// A sheet of one row or more, each with the views of `groups`.
  public init(title: String, groups: [ViewGroupShape], rows: [Row]) {
    precondition(!rows.isEmpty, "ContactSheet: no rows")
    let views = groups.reduce(0) { $0 + $1.views }
    precondition(
      rows.allSatisfy { $0.views.count == views },
      "ContactSheet: a row without the \(views) views of its sheet")
    self.title = title
    self.groups = groups
    self.rows = rows
  }

  private static let margin = 16
  private static let gap = 14
  private static let lineHeight = BitmapFont.height + 4
  /// Room for a line of words below a small view.
  private static let narrowest = 120
  private static let paper = Colour(255, 255, 255)
  private static let ink = Colour(34, 34, 34)
  private static let faint = Colour(112, 112, 112)
  /// Around each picture, or a white one would not be seen.
  private static let edge = Colour(212, 212, 212)
  /// Okabe and Ito's colours without black, and three of Tol's, which most eyes can tell apart.
  private static let colours = [
    Colour(230, 159, 0), Colour(0, 114, 178), Colour(0, 158, 115), Colour(213, 94, 0), Colour(86, 180, 233),
    Colour(204, 121, 167), Colour(240, 228, 66), Colour(136, 34, 85), Colour(51, 34, 136),
    Colour(153, 153, 51),
  ]

  /// Whole number of pixels that a pixel of a view takes: views of 32 pixels are too small to see.
  private var zoom: Int { max(1, 128 / largest) }
  private var largest: Int { groups.map(\.side).max() ?? 1 }
  /// Widths of the originals' column and of the views'.
  private var widths: [Int] {
    [largest * zoom] + rows[0].views.map { max($0.image.width * zoom, Self.narrowest) }
  }

  /// The sheet as a picture, [height, width, 3].
  public var image: Image {
    let rows = rows.map(laidOut)
    let head = Self.margin + 2 * Self.lineHeight + 10
    let heights = rows.map { row in row.map { $0.top + $0.picture.height + $0.textHeight }.max()! }
    let width = widths.reduce(0, +) + (widths.count - 1) * Self.gap + 2 * Self.margin
    let height = head + heights.reduce(0, +) + (rows.count - 1) * Self.gap + Self.margin
    var canvas = Canvas(
      width: max(width, BitmapFont.width(of: title) + 2 * Self.margin), height: height, Self.paper)
    canvas.write(title, x: Self.margin, y: Self.margin, Self.ink)
    writeHeads(on: &canvas, y: Self.margin + Self.lineHeight + 6)
    var y = head
    for (row, height) in zip(rows, heights) {
      var x = Self.margin
      for (cell, width) in zip(row, widths) {
        cell.draw(on: &canvas, x: x, y: y)
        x += width + Self.gap
      }
      y += height + Self.gap
    }
    return canvas.image
  }

  /// A picture and the words right below it.
  private struct Cell {
    let picture: Image
    /// Pixels from the row's top to the picture's.
    let top: Int
    /// Lines in ink, and fainter ones after them.
    let heads, lines: [String]

    var textHeight: Int { 6 + (heads.count + lines.count) * lineHeight }

    func draw(on canvas: inout Canvas, x: Int, y: Int) {
      let around = PixelRectangle(
        x: x - 1, y: y + top - 1, width: picture.width + 2, height: picture.height + 2)
      canvas.frame(around, edge)
      canvas.draw(picture, x: x, y: y + top)
      var line = y + top + picture.height + 6
      for (texts, colour) in [(heads, ink), (lines, faint)] {
        for text in texts {
          canvas.write(text, x: x, y: line, colour)
          line += lineHeight
        }
      }
    }
  }

  /// A row's cells; pictures that are not as high as the row stand in its middle.
  private func laidOut(_ row: Row) -> [Cell] {
    let room = largest * zoom
    let pictures = [thumbnail(of: row, room: room)] + row.views.map { enlarged($0.image) }
    let heads = [row.label.first ?? ""] + row.views.map { Self.text(of: $0.crop) }
    let words = [Array(row.label.dropFirst())] + row.views.map(\.applied)
    return pictures.indices.map { column in
      Cell(
        picture: pictures[column], top: (room - pictures[column].height) / 2,
        heads: BitmapFont.lines([heads[column]], width: widths[column]),
        lines: BitmapFont.lines(words[column], width: widths[column]))
    }
  }

  private static func text(of crop: PixelRectangle) -> String {
    "\(crop.width) x \(crop.height) at \(crop.x), \(crop.y)"
  }

  private func writeHeads(on canvas: inout Canvas, y: Int) {
    var heads = ["image"]
    for (group, shape) in groups.enumerated() {
      for view in 1...max(shape.views, 1) {
        let kind = groups.count == 1 ? "view" : group == 0 ? "global" : "local"
        heads.append("\(kind) \(view), \(shape.side) x \(shape.side)")
      }
    }
    var x = Self.margin
    for (column, head) in heads.enumerated() {
      if column > 0 {
        let mark = PixelRectangle(x: x, y: y - 1, width: 8, height: 8)
        canvas.fill(mark, Self.colour(of: column - 1))
      }
      canvas.write(head, x: column > 0 ? x + 12 : x, y: y, Self.faint)
      x += widths[column] + Self.gap
    }
  }

  private func enlarged(_ picture: Image) -> Image {
    if zoom == 1 { return picture }
    var canvas = Canvas(width: picture.width * zoom, height: picture.height * zoom, Self.paper)
    canvas.draw(picture, x: 0, y: 0, zoom: zoom)
    return canvas.image
  }

  /// The image within `room` x `room` pixels, with the crops' frames; the first view's lies on top, the global
  /// ones are thicker.
  private func thumbnail(of row: Row, room: Int) -> Image {
    let original = row.original
    var scale = min(Double(room) / Double(max(original.width, original.height)), Double(zoom))
    if scale > 1 { scale.round(.down) }
    let width = max(Int((Double(original.width) * scale).rounded()), 1)
    let height = max(Int((Double(original.height) * scale).rounded()), 1)
    var canvas = Canvas(width: width, height: height, Self.paper)
    if scale >= 1 {
      canvas.draw(original, x: 0, y: 0, zoom: Int(scale))
    } else {
      canvas.draw(original.resized(width: width, height: height), x: 0, y: 0)
    }
    for (view, crop) in row.views.map(\.crop).enumerated().reversed() {
      let (left, top) = (Int(Double(crop.x) * scale), Int(Double(crop.y) * scale))
      let right = Int((Double(crop.x + crop.width) * scale).rounded(.up))
      let bottom = Int((Double(crop.y + crop.height) * scale).rounded(.up))
      let frame = PixelRectangle(
        x: left, y: top, width: min(right, width) - left, height: min(bottom, height) - top)
      canvas.frame(frame, Self.colour(of: view), thickness: view < groups[0].views ? 2 : 1)
    }
    return canvas.image
  }

  private static func colour(of view: Int) -> Colour { colours[view % colours.count] }
}
