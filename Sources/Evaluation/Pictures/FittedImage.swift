import EmanateAugmentations
import EmanateImages
import EmanateNetworks
import EmanateTensors

/// An image as a network reads it whole, at its own aspect ratio.
///
/// The short side is resized to the side that is asked for, the long one in proportion, by Pillow's antialiased bicubic. Of
/// the long side what is left over beside whole patches, less than one patch, is cut off, half at either end; nothing is
/// padded, because the class token would attend to the padding.
public struct FittedImage: Sendable {
  /// What the network sees, [rows · patch, columns · patch, 3].
  public let image: Image
  /// Its patches; single pixels for networks of convolutions.
  public let grid: PatchGrid
  /// The side of a patch in pixels.
  public let patch: Int

  /// The greatest ratio of the sides.
  public static let longest = 16

  /// Of an image, for a short side in pixels that is a multiple of the patch; nil for an image that is more than `longest`
  /// times as long as wide.
  public init?(_ image: Image, side: Int, patch: Int) {
    precondition(patch > 0 && side > 0 && side % patch == 0, "FittedImage: side \(side), patch \(patch)")
    let (short, long) = (min(image.width, image.height), max(image.width, image.height))
    if long > Self.longest * short { return nil }
    let resized = Int(Double(side) * Double(long) / Double(short))
    let whole = resized / patch * patch
    let isWide = image.width >= image.height
    let (width, height) = isWide ? (resized, side) : (side, resized)
    let large = image.resized(width: width, height: height)
    let cut = (resized - whole) / 2
    self.image = Self.cropped(
      large, x: isWide ? cut : 0, y: isWide ? 0 : cut, width: isWide ? whole : side,
      height: isWide ? side : whole)
    self.patch = patch
    grid = PatchGrid(rows: self.image.height / patch, columns: self.image.width / patch)
  }

  /// The rows of its patches, [1, P, 3 · patch²], each in the order (channel, row, column), normalised.
  public func patches(_ normalization: Normalization) -> Tensor {
    let scale = normalization.std.map { Float(1 / (255 * $0)) }
    let bias = zip(normalization.mean, normalization.std).map { Float(-$0 / $1) }
    var rows: [Float] = []
    rows.reserveCapacity(image.pixels.count)
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        for channel in 0..<3 {
          for y in row * patch..<(row + 1) * patch {
            for x in column * patch..<(column + 1) * patch {
              let level = Float(image.pixels[3 * (y * image.width + x) + channel])
              rows.append(level * scale[channel] + bias[channel])
            }
          }
        }
      }
    }
    return Tensor(rows, [1, grid.count, 3 * patch * patch])
  }

  private static func cropped(_ image: Image, x: Int, y: Int, width: Int, height: Int) -> Image {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * width * height)
    for row in y..<y + height {
      let start = 3 * (row * image.width + x)
      pixels += image.pixels[start..<start + 3 * width]
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}
