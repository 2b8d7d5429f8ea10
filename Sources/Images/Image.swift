/// An 8-bit RGB image in memory: what the decoders give and the augmentations read.
///
/// Rows from top to bottom, pixels from left to right, channels interleaved: `height` x `width` x 3 bytes.
public struct Image: Sendable, Equatable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Levels 0...255, [height, width, 3]: red, green, blue of the top left pixel come first.
  public var pixels: [UInt8]

  /// An image of the given pixels; `pixels` must hold `width * height * 3` bytes.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "Image: a side of \(width) x \(height) pixels")
    precondition(
      pixels.count == width * height * 3,
      "Image: \(pixels.count) bytes for \(width) x \(height) x 3")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// An image whose channels are all at one level.
  public init(repeating level: UInt8, width: Int, height: Int) {
    self.init(
      width: width, height: height, pixels: [UInt8](repeating: level, count: width * height * 3))
  }
}
