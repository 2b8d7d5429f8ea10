import EmanateImages
import EmanateNetworks
import EmanateReports
import Testing

@Suite struct ColorMapTests {
  @Test(arguments: ColorMap.allCases) func `lightness rises evenly from one end to the other`(
    colors: ColorMap
  ) {
    // Rec. 709 luminance to CIE lightness.
    func lightness(_ value: Double) -> Double {
      let color = colors(value)
      func linear(_ level: UInt8) -> Double {
        let x = Double(level) / 255
        return x <= 0.04045 ? x / 12.92 : power((x + 0.055) / 1.055, 2.4)
      }
      let y = 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
      return y > 0.008856 ? 116 * power(y, 1.0 / 3) - 16 : 903.3 * y
    }
    let values = (0...20).map { lightness(Double($0) / 20) }
    for (low, high) in zip(values, values.dropFirst()) {
      #expect(high > low && high - low < 3 * (values.last! - values[0]) / 20)
    }
    #expect(colors(-1) == colors(0) && colors(7) == colors(1) && colors(.nan) == colors(0))
  }

  @Test func `published colours stand where matplotlib has them`() {
    #expect(ColorMap.inferno(0) == Color(red: 0, green: 0, blue: 4))
    #expect(ColorMap.inferno(1) == Color(red: 0xFC, green: 0xFF, blue: 0xA4))
    #expect(ColorMap.viridis(0.5) == Color(red: 0x21, green: 0x90, blue: 0x8C))
    #expect(ColorMap.gray(0.2) == Color(red: 51, green: 51, blue: 51))
  }

  /// x to the power of p, by halves: enough for a test without Foundation.
  private func power(_ x: Double, _ p: Double) -> Double {
    var (result, root, rest) = (1.0, x, p)
    while rest >= 1 {
      result *= x
      rest -= 1
    }
    for _ in 0..<40 {
      (root, rest) = (root.squareRoot(), 2 * rest)
      if rest >= 1 {
        result *= root
        rest -= 1
      }
    }
    return result
  }
}

@Suite struct CellPictureTests {
  private let grid = PatchGrid(rows: 2, columns: 3)
  private let values = [1.0, 2, 3, 4, 5, 9]

  private func color(_ image: Image, _ x: Int, _ y: Int) -> Color {
    let at = 3 * (y * image.width + x)
    return Color(red: image.pixels[at], green: image.pixels[at + 1], blue: image.pixels[at + 2])
  }

  @Test func `a map has each cell in the colour of its value, from the least to the greatest`() {
    let map = CellPicture.map(values, grid, width: 12, height: 8, .viridis)
    for y in 0..<8 {
      for x in 0..<12 {
        let value = values[y / 4 * 3 + x / 4]
        #expect(color(map, x, y) == ColorMap.viridis((value - 1) / 8))
      }
    }
    let flat = CellPicture.map([3, 3, 3, 3, 3, 3], grid, width: 12, height: 8)
    #expect(Set(flat.pixels) == [0, 4])
  }

  @Test func `cells need not be whole pixels`() {
    let picture = CellPicture.painted(
      [Color(red: 1, green: 1, blue: 1), .white], PatchGrid(rows: 1, columns: 2), width: 5, height: 1)
    #expect((0..<5).map { picture.pixels[3 * $0] } == [1, 1, 1, 255, 255])
  }

  @Test func `an overlay is three fifths colour and two fifths of the image's grey`() {
    var image = Image(repeating: 0, width: 6, height: 4)
    image.pixels[3 * 5] = 250
    let overlay = CellPicture.overlay(values, grid, on: image, .gray)
    // Top right: value 3 of 1...9 is a quarter, level 64; grey of a red of 250 is 74.75.
    #expect(color(overlay, 5, 0) == Color(red: 68, green: 68, blue: 68))
    #expect(color(overlay, 0, 0) == Color(red: 0, green: 0, blue: 0))
    #expect(color(overlay, 5, 3) == Color(red: 153, green: 153, blue: 153))
  }

  @Test func `what is not kept has a fifth of its levels`() {
    let image = Image(repeating: 100, width: 6, height: 4)
    let picture = CellPicture.kept([true, false, true, false, false, true], grid, on: image)
    for y in 0..<4 {
      for x in 0..<6 {
        let isKept = [0, 2, 5].contains(y / 2 * 3 + x / 2)
        #expect(picture.pixels[3 * (y * 6 + x)] == (isKept ? 100 : 20))
      }
    }
  }

  @Test func `levels are colours, and the background is black`() {
    #expect(CellPicture.color(nil) == Color(red: 0, green: 0, blue: 0))
    #expect(CellPicture.color(SIMD3(0, 0.5, 2)) == Color(red: 0, green: 128, blue: 255))
  }
}
