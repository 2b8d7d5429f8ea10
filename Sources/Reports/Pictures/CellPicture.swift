import EmanateImages
import EmanateNetworks

/// Pictures of what a network makes of the cells of an image, as large as the image: each cell a rectangle of one colour, so
/// that nothing looks finer than it is.
public enum CellPicture {
  /// Values in colours, the least of them at one end and the greatest at the other; all at the lower end where they are equal.
  public static func map(
    _ values: [Double], _ grid: PatchGrid, width: Int, height: Int, _ colors: ColorMap = .inferno
  ) -> Image {
    painted(scaled(values).map { colors($0) }, grid, width: width, height: height)
  }

  /// The same laid over the image in grey: 60 % of the colour, 40 % of the image.
  public static func overlay(
    _ values: [Double], _ grid: PatchGrid, on image: Image, _ colors: ColorMap = .inferno
  ) -> Image {
    var picture = map(values, grid, width: image.width, height: image.height, colors)
    for pixel in 0..<image.width * image.height {
      let at = 3 * pixel
      // Rec. 601, as Pillow's conversion to grey.
      let gray =
        0.299 * Double(image.pixels[at]) + 0.587 * Double(image.pixels[at + 1])
        + 0.114 * Double(image.pixels[at + 2])
      for place in at..<at + 3 {
        picture.pixels[place] = UInt8((0.6 * Double(picture.pixels[place]) + 0.4 * gray).rounded())
      }
    }
    return picture
  }

  /// The image where cells are kept, and a fifth of its levels elsewhere.
  public static func kept(_ kept: [Bool], _ grid: PatchGrid, on image: Image) -> Image {
    var picture = image
    for y in 0..<image.height {
      for x in 0..<image.width where !kept[cell(x, y, grid, image.width, image.height)] {
        let at = 3 * (y * image.width + x)
        for place in at..<at + 3 { picture.pixels[place] /= 5 }
      }
    }
    return picture
  }

  /// A colour for each cell.
  public static func painted(_ colors: [Color], _ grid: PatchGrid, width: Int, height: Int) -> Image {
    precondition(colors.count == grid.count, "CellPicture: \(colors.count) colours for \(grid) cells")
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * width * height)
    for y in 0..<height {
      for x in 0..<width {
        let color = colors[cell(x, y, grid, width, height)]
        pixels.append(color.red)
        pixels.append(color.green)
        pixels.append(color.blue)
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// Levels 0 to 1 of red, green and blue as a colour; black for the background.
  public static func color(_ levels: SIMD3<Double>?) -> Color {
    guard let levels else { return Color(red: 0, green: 0, blue: 0) }
    func level(_ value: Double) -> UInt8 { UInt8((min(max(value, 0), 1) * 255).rounded()) }
    return Color(red: level(levels.x), green: level(levels.y), blue: level(levels.z))
  }

  private static func cell(_ x: Int, _ y: Int, _ grid: PatchGrid, _ width: Int, _ height: Int) -> Int {
    y * grid.rows / height * grid.columns + x * grid.columns / width
  }

  private static func scaled(_ values: [Double]) -> [Double] {
    guard let low = values.min(), let high = values.max(), high > low else {
      return values.map { _ in 0 }
    }
    return values.map { ($0 - low) / (high - low) }
  }
}
