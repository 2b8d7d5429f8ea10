import Foundation

/// A map of images in the plane as SVG, for light and dark backgrounds alike: a mark for each image, coloured by its class,
/// with its name where the pointer rests on it.
public struct FeatureMapPlot: Sendable {
  /// An image on the map.
  public struct Point: Sendable {
    /// Where it lies; any units.
    public let x, y: Double
    /// Its class, a place among the plot's; nil without one.
    public let label: Int?
    /// What it is called.
    public let name: String

    /// An image at a place.
    public init(x: Double, y: Double, label: Int?, name: String) {
      (self.x, self.y, self.label, self.name) = (x, y, label, name)
    }
  }

  /// A small picture in place of a mark.
  public struct Thumbnail: Sendable {
    /// A PNG file.
    public let png: [UInt8]
    /// Its size on the map.
    public let width, height: Int

    /// A PNG file, shown at a size.
    public init(png: [UInt8], width: Int, height: Int) {
      (self.png, self.width, self.height) = (png, width, height)
    }
  }

  private let title, caption: String
  private let classes: [String]
  private let points: [Point]
  /// Pictures by the number of the point that they stand for.
  public var thumbnails: [Int: Thumbnail] = [:]

  /// A map of at least one image, with what stands above and below it.
  public init(title: String, caption: String, classes: [String], points: [Point]) {
    precondition(!points.isEmpty, "FeatureMapPlot: no points")
    (self.title, self.caption, self.classes, self.points) = (title, caption, classes, points)
  }

  private static let side = 720.0
  private static let margin = 20.0
  private static let top = 44.0
  private static let legendWidth = 210.0
  /// The lines of a legend that fit beside the map.
  private static let legendLines = 44
  /// Of middle lightness, told apart by most eyes (after Okabe and Ito 2008, and Tol), and four marks for classes beyond.
  private static let colors = [
    "#0077bb", "#e07b00", "#009e73", "#cc5599", "#8a6fd1", "#b8860b", "#d14a3a", "#33a0c8", "#6b8e23",
    "#8c6d5a",
  ]
  private static let marks = [
    "M3.2 0A3.2 3.2 0 1 1-3.2 0A3.2 3.2 0 1 1 3.2 0Z", "M-2.9-2.9H2.9V2.9H-2.9Z", "M0-3.9L3.6 2.7H-3.6Z",
    "M0-4.1L4.1 0L0 4.1L-4.1 0Z",
  ]

  /// The points whose pictures of about `side` pixels can stand on the map without covering one another, in the order of the
  /// points.
  public func roomy(side: Double) -> [Int] {
    let places = places
    // Squares of the map by what lies in them.
    var taken: [SIMD2<Int>: [Int]] = [:]
    var chosen: [Int] = []
    for (number, place) in places.enumerated() {
      let square = SIMD2(Int((place.x / side).rounded(.down)), Int((place.y / side).rounded(.down)))
      let isFree = (-1...1).allSatisfy { row in
        (-1...1).allSatisfy { column in
          (taken[SIMD2(square.x &+ column, square.y &+ row)] ?? []).allSatisfy {
            abs(places[$0].x - place.x) >= side || abs(places[$0].y - place.y) >= side
          }
        }
      }
      if isFree {
        taken[square, default: []].append(number)
        chosen.append(number)
      }
    }
    return chosen
  }

  /// Where the points lie on the picture, both axes to the same scale.
  private var places: [SIMD2<Double>] {
    let (xs, ys) = (points.map(\.x), points.map(\.y))
    let (left, right, low, high) = (xs.min()!, xs.max()!, ys.min()!, ys.max()!)
    let extent = max(right - left, high - low)
    let room = Self.side - 2 * Self.margin
    let scale = extent > 0 ? room / extent : 0
    return points.map {
      SIMD2(
        Self.margin + Self.side / 2 + ($0.x - (left + right) / 2) * scale,
        Self.top + Self.side / 2 - ($0.y - (low + high) / 2) * scale)
    }
  }

  /// The map.
  public var svg: String {
    let hasLegend = !classes.isEmpty
    let width = Self.side + 2 * Self.margin + (hasLegend ? Self.legendWidth : 0)
    let height = Self.top + Self.side + 34
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(width)) \(text(height))" width="\(text(width))" \
      height="\(text(height))" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="11">
      <title>\(escaped(title))</title>
      <style>
      text { fill: #7d8590 } .name { font-weight: 600; font-size: 13px } use { fill-opacity: .8 }
      .frame { fill: none; stroke: #9ca3af; stroke-opacity: .5 } .picture { fill: none; stroke-width: 2 }
      \((0..<min(max(classes.count, 1), Self.colors.count)).map { ".c\($0) { fill: \(Self.colors[$0]) }" }.joined(separator: " "))
      .c { fill: #7d8590 }
      </style>
      <defs>\(Self.marks.enumerated().map { "<path id=\"m\($0)\" d=\"\($1)\"/>" }.joined())</defs>
      <text class="name" x="\(text(Self.margin))" y="26">\(escaped(title))</text>
      <rect class="frame" x="\(text(Self.margin))" y="\(text(Self.top))" width="\(text(Self.side))" \
      height="\(text(Self.side))"/>
      <text x="\(text(Self.margin))" y="\(text(Self.top + Self.side + 18))">\(escaped(caption))</text>
      """
    ]
    let places = places
    for number in points.indices where thumbnails[number] == nil {
      parts.append(mark(points[number].label, at: places[number], name: points[number].name))
    }
    // Pictures last, so that no mark lies over them.
    for number in points.indices {
      if let picture = thumbnails[number] { parts.append(drawn(picture, number, at: places[number])) }
    }
    if hasLegend { parts += legend }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  private var legend: [String] {
    var counts = [Int](repeating: 0, count: classes.count)
    for point in points { if let label = point.label { counts[label] += 1 } }
    let x = Self.side + 2 * Self.margin + 12
    let shown = classes.count <= Self.legendLines ? classes.count : Self.legendLines - 1
    var lines = (0..<shown).flatMap { label in
      let y = Self.top + 10 + 16 * Double(label)
      return [
        mark(label, at: SIMD2(x, y - 4), name: nil),
        "<text x=\"\(text(x + 12))\" y=\"\(text(y))\">\(escaped(shortened(classes[label]))) (\(counts[label]))</text>",
      ]
    }
    if shown < classes.count {
      let y = Self.top + 10 + 16 * Double(shown)
      lines.append("<text x=\"\(text(x))\" y=\"\(text(y))\">and \(classes.count - shown) classes more</text>")
    }
    return lines
  }

  private func mark(_ label: Int?, at place: SIMD2<Double>, name: String?) -> String {
    let (kind, shape) =
      label.map { ("c\($0 % Self.colors.count)", $0 / Self.colors.count % Self.marks.count) } ?? ("c", 0)
    let start = "<use href=\"#m\(shape)\" x=\"\(text(place.x))\" y=\"\(text(place.y))\" class=\"\(kind)\""
    return name.map { start + "><title>\(escaped($0))</title></use>" } ?? start + "/>"
  }

  private func drawn(_ picture: Thumbnail, _ number: Int, at place: SIMD2<Double>) -> String {
    let (width, height) = (Double(picture.width), Double(picture.height))
    let box =
      "x=\"\(text(place.x - width / 2))\" y=\"\(text(place.y - height / 2))\" width=\"\(text(width))\" "
      + "height=\"\(text(height))\""
    let color = points[number].label.map { Self.colors[$0 % Self.colors.count] } ?? "#7d8590"
    return
      "<image \(box) href=\"data:image/png;base64,\(Data(picture.png).base64EncodedString())\">"
      + "<title>\(escaped(points[number].name))</title></image>"
      + "<rect class=\"picture\" \(box) stroke=\"\(color)\"/>"
  }

  private func text(_ number: Double) -> String { NumberText.short((number * 10).rounded() / 10) }

  private func shortened(_ name: String) -> String { name.count <= 24 ? name : name.prefix(23) + "…" }

  /// As XML has it; characters that XML cannot hold are left out.
  private func escaped(_ name: String) -> String {
    let allowed = String(
      String.UnicodeScalarView(
        name.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0xFFFE && $0.value != 0xFFFF }))
    return allowed.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
