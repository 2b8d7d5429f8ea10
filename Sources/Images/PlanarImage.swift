import CEmanateKernels

/// An 8-bit image whose channels lie one after the other: what augmentations work on, so that loops run over
/// neighbouring bytes of one channel.
public struct PlanarImage: Sendable {
  /// Pixels in a row.
  public private(set) var width: Int
  /// Rows.
  public private(set) var height: Int
  /// Levels 0...255, [3, height, width]: the red plane, the green plane, the blue plane.
  public var levels: [UInt8]
  /// Memory that operations may use and leave in any state.
  package var scratch: [UInt8] = []

  /// What augmentations say they did, in order ("brightness 1.21"); nil where nobody asked.
  public var notes: [String]?

  /// A black image.
  public init(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "PlanarImage: a side of \(width) x \(height) pixels")
    self.width = width
    self.height = height
    levels = [UInt8](repeating: 0, count: 3 * width * height)
  }

  /// The planes of `image`.
  public init(_ image: Image) {
    self.init(width: image.width, height: image.height)
    image.pixels.withUnsafeBufferPointer { pixels in
      levels.withUnsafeMutableBufferPointer { levels in
        emanate_planes_from_rgb(pixels.baseAddress, width * height, levels.baseAddress)
      }
    }
  }

  /// Pixels.
  public var count: Int { width * height }

  /// The same levels with interleaved channels.
  public var image: Image {
    var pixels = [UInt8](repeating: 0, count: 3 * count)
    levels.withUnsafeBufferPointer { levels in
      pixels.withUnsafeMutableBufferPointer { pixels in
        emanate_rgb_from_planes(levels.baseAddress, count, pixels.baseAddress)
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// Notes what an augmentation does. Where nobody asked the text is not even made.
  public mutating func note(_ text: @autoclosure () -> String) {
    if notes != nil { notes!.append(text()) }
  }

  /// Another size; levels are kept in memory but mean nothing until they are written.
  package mutating func reshape(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "PlanarImage: a side of \(width) x \(height) pixels")
    if 3 * width * height != levels.count {
      levels = [UInt8](repeating: 0, count: 3 * width * height)
    }
    self.width = width
    self.height = height
  }

  /// The levels and at least `bytes` of scratch.
  package mutating func withScratch(
    _ bytes: Int, _ body: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
  ) {
    if scratch.count < bytes { scratch = [UInt8](repeating: 0, count: bytes) }
    levels.withUnsafeMutableBufferPointer { levels in
      scratch.withUnsafeMutableBufferPointer { scratch in
        body(levels.baseAddress!, scratch.baseAddress!)
      }
    }
  }
}
