import EmanateImages

/// A colour as levels of red, green and blue.
struct Colour: Equatable {
  let red, green, blue: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }
}

/// A picture to draw on; what lies outside is left out.
struct Canvas {
  private(set) var image: Image

  /// A canvas of one colour.
  init(width: Int, height: Int, _ colour: Colour) {
    image = Image(repeating: colour.red, width: width, height: height)
    fill(PixelRectangle(x: 0, y: 0, width: width, height: height), colour)
  }

  /// Colours a rectangle.
  mutating func fill(_ rectangle: PixelRectangle, _ colour: Colour) {
    let columns =
      max(rectangle.x, 0)..<max(min(rectangle.x + rectangle.width, image.width), max(rectangle.x, 0))
    let rows =
      max(rectangle.y, 0)..<max(min(rectangle.y + rectangle.height, image.height), max(rectangle.y, 0))
    for row in rows {
      for column in columns { set(column, row, colour) }
    }
  }

  /// Draws a rectangle's edge, `thickness` pixels wide, inside it.
  mutating func frame(_ rectangle: PixelRectangle, _ colour: Colour, thickness: Int = 1) {
    let (x, y, width, height) = (rectangle.x, rectangle.y, rectangle.width, rectangle.height)
    let (across, down) = (min(thickness, height), min(thickness, width))
    fill(PixelRectangle(x: x, y: y, width: width, height: across), colour)
    fill(PixelRectangle(x: x, y: y + height - across, width: width, height: across), colour)
    fill(PixelRectangle(x: x, y: y, width: down, height: height), colour)
    fill(PixelRectangle(x: x + width - down, y: y, width: down, height: height), colour)
  }

  /// Puts a picture with its top left corner at (x, y), each of its pixels `zoom` x `zoom` large.
  mutating func draw(_ picture: Image, x: Int, y: Int, zoom: Int = 1) {
    for row in 0..<min(picture.height * zoom, image.height - y) {
      for column in 0..<min(picture.width * zoom, image.width - x) {
        let from = 3 * (row / zoom * picture.width + column / zoom)
        let to = 3 * ((y + row) * image.width + x + column)
        for channel in 0..<3 { image.pixels[to + channel] = picture.pixels[from + channel] }
      }
    }
  }

  /// Writes a line of text; (x, y) is the top left corner of its first character, each of whose pixels is
  /// `zoom` x `zoom` large.
  mutating func write(_ text: String, x: Int, y: Int, _ colour: Colour, zoom: Int = 1) {
    var left = x
    for character in text {
      let glyph = BitmapFont.glyph(character)
      for (row, bits) in glyph.rows.enumerated() {
        for column in 0..<glyph.width where bits >> UInt8(column) & 1 == 1 {
          let dot = PixelRectangle(
            x: left + column * zoom, y: y + row * zoom, width: zoom, height: zoom)
          fill(dot, colour)
        }
      }
      left += (glyph.width + BitmapFont.spacing) * zoom
    }
  }

  /// Lays a colour over a pixel that it covers to a share, 0...1; outside nothing happens.
  mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, share: Double) {
    guard x >= 0, y >= 0, x < image.width, y < image.height else { return }
    let place = 3 * (y * image.width + x)
    for (channel, level) in [colour.red, colour.green, colour.blue].enumerated() {
      let below = Double(image.pixels[place + channel])
      image.pixels[place + channel] = UInt8(
        (below + (Double(level) - below) * min(1, max(0, share))).rounded())
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ colour: Colour) {
    let place = 3 * (y * image.width + x)
    image.pixels[place] = colour.red
    image.pixels[place + 1] = colour.green
    image.pixels[place + 2] = colour.blue
  }
}
