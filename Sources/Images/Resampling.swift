import CEmanateKernels

/// The kernels of Pillow's antialiased resampling.
public enum ResamplingFilter: String, Sendable, Codable, CaseIterable {
  /// Cubic convolution with a = -0.5, two pixels wide to either side (Keys 1981).
  case bicubic
  /// A triangle, one pixel wide to either side.
  case bilinear
}

/// Which pass of a resampling comes first; the second one reads levels that the first has rounded to 8 bits.
public enum PassOrder: String, Sendable, Codable, CaseIterable {
  /// As Pillow 13 chooses: the vertical pass if the height shrinks by more than twice the pixels that the
  /// width does.
  case pillow
  /// The horizontal pass, as Pillow up to 12 has it.
  case horizontalFirst
}

/// A rectangle of whole pixels.
public struct PixelRectangle: Sendable, Equatable {
  /// The left column.
  public var x: Int
  /// The top row.
  public var y: Int
  /// Columns.
  public var width: Int
  /// Rows.
  public var height: Int

  /// The least rectangle that holds both.
  package func union(_ other: PixelRectangle) -> PixelRectangle {
    let (left, top) = (min(x, other.x), min(y, other.y))
    let (right, bottom) = (max(x + width, other.x + other.width), max(y + height, other.y + other.height))
    return PixelRectangle(x: left, y: top, width: right - left, height: bottom - top)
  }

  /// The rectangle whose top left pixel is (x, y).
  public init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }
}

/// Crops and resizes as Pillow's `Image.crop` and `Image.resize` do, bit for bit, and keeps its memory
/// between calls.
///
/// Pillow (src/libImaging/Resample.c): the kernel is widened by the scale when an image shrinks; weights are
/// normalised in double and rounded to 22 bits; the first pass is rounded and clipped to 8 bits. Here the
/// image is first laid out by columns, once for all its crops, so that both passes run over neighbouring
/// bytes.
public struct Resampler: Sendable {
  private var columns: [UInt8] = []
  private var loaded = PixelRectangle(x: 0, y: 0, width: 0, height: 0)
  private var across = ResamplingAxis()
  private var down = ResamplingAxis()
  private var doubles: [Double] = []
  private var tiles: [UInt8] = []
  private var middle: [UInt8] = []

  /// Which pass comes first.
  public let order: PassOrder

  /// Memory that is kept for the next image, in bytes.
  package var byteCount: Int { columns.count + middle.count + tiles.count }

  /// A resampler without an image.
  public init(order: PassOrder = .pillow) { self.order = order }

  /// Takes `image`, or the part of it in `region`, as the source of the following calls.
  public mutating func load(_ image: Image, region: PixelRectangle? = nil) {
    let region = region ?? PixelRectangle(x: 0, y: 0, width: image.width, height: image.height)
    precondition(
      region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0
        && region.x + region.width <= image.width && region.y + region.height <= image.height,
      "Resampler.load: \(region) is not inside \(image.width) x \(image.height) pixels")
    loaded = region
    let bytes = 3 * region.width * emanate_column_bytes(region.height) + Int(EMANATE_TAIL)
    Self.grow(&columns, to: bytes)
    image.pixels.withUnsafeBufferPointer { pixels in
      columns.withUnsafeMutableBufferPointer { columns in
        emanate_columns_from_rgb(
          pixels.baseAddress! + 3 * (region.y * image.width + region.x), 3 * image.width, region.width,
          region.height, columns.baseAddress, emanate_column_bytes(region.height),
          region.width * emanate_column_bytes(region.height))
      }
    }
  }

  /// Resizes the part `window` of the loaded image, as if it had been cropped to it, to `width` x `height`
  /// pixels.
  ///
  /// - Parameters:
  ///   - window: in pixels of the whole image; pixels outside do not enter, not even at its edges.
  ///   - box: left, top, right, bottom of what is to be seen, in pixels of the window; by default all of it.
  ///   - mirrored: swaps left and right of the result, at no cost.
  public mutating func resize(
    _ window: PixelRectangle, box: (Float, Float, Float, Float)? = nil, width: Int, height: Int,
    filter: ResamplingFilter = .bicubic, mirrored: Bool = false, into result: inout PlanarImage
  ) {
    let x = window.x - loaded.x
    let y = window.y - loaded.y
    precondition(
      x >= 0 && y >= 0 && window.width > 0 && window.height > 0 && x + window.width <= loaded.width
        && y + window.height <= loaded.height, "Resampler.resize: \(window) is not inside \(loaded)")
    let box = box ?? (0, 0, Float(window.width), Float(window.height))
    precondition(
      box.0 >= 0 && box.1 >= 0 && box.2 > box.0 && box.3 > box.1 && box.2 <= Float(window.width)
        && box.3 <= Float(window.height),
      "Resampler.resize: the box \(box) is not inside \(window.width) x \(window.height)")
    across.fill(
      inputs: window.width, from: box.0, to: box.2, outputs: width, filter: filter, scratch: &doubles)
    down.fill(
      inputs: window.height, from: box.1, to: box.3, outputs: height, filter: filter, scratch: &doubles)
    result.reshape(width: width, height: height)
    let columnBytes = emanate_column_bytes(loaded.height)
    let planeBytes = loaded.width * columnBytes
    let isVerticalFirst =
      order == .pillow && window.height > height && window.height - height > 2 * (window.width - width)
    let row = isVerticalFirst ? 0 : Int(down.first[0])
    let rows = (isVerticalFirst ? window.height : Int(down.first[height - 1] + down.count[height - 1])) - row
    Self.grow(&tiles, to: emanate_resize_scratch(max(rows, height)))
    let middleBytes = emanate_column_bytes(height)
    if isVerticalFirst { Self.grow(&middle, to: 3 * window.width * middleBytes + Int(EMANATE_TAIL)) }
    across.withPointer { across in
      down.withPointer { down in
        columns.withUnsafeBufferPointer { columns in
          tiles.withUnsafeMutableBufferPointer { tiles in
            result.levels.withUnsafeMutableBufferPointer { levels in
              let source = columns.baseAddress! + x * columnBytes + y
              guard isVerticalFirst else {
                emanate_resize(
                  source, columnBytes, planeBytes, row, rows, across, down, mirrored ? 1 : 0,
                  levels.baseAddress, tiles.baseAddress)
                return
              }
              middle.withUnsafeMutableBufferPointer { middle in
                emanate_resize_down(
                  source, columnBytes, planeBytes, window.width, rows, down, middle.baseAddress, middleBytes,
                  tiles.baseAddress)
                emanate_resize(
                  middle.baseAddress, middleBytes, window.width * middleBytes, 0, height, across, nil,
                  mirrored ? 1 : 0, levels.baseAddress, tiles.baseAddress)
              }
            }
          }
        }
      }
    }
  }

  private static func grow(_ bytes: inout [UInt8], to count: Int) {
    if bytes.count < count { bytes = [UInt8](repeating: 0, count: count) }
  }
}

extension Image {
  /// The pixels in `rectangle`, which must lie inside the image.
  public func cropped(to rectangle: PixelRectangle) -> Image {
    precondition(
      rectangle.x >= 0 && rectangle.y >= 0 && rectangle.x + rectangle.width <= width
        && rectangle.y + rectangle.height <= height,
      "Image.cropped: \(rectangle) is not inside \(width) x \(height) pixels")
    var cropped = Image(repeating: 0, width: rectangle.width, height: rectangle.height)
    for row in 0..<rectangle.height {
      let start = 3 * ((rectangle.y + row) * width + rectangle.x)
      cropped.pixels.replaceSubrange(
        3 * row * rectangle.width..<3 * (row + 1) * rectangle.width,
        with: pixels[start..<start + 3 * rectangle.width])
    }
    return cropped
  }

  /// The image at another size, as Pillow's `Image.resize((width, height), filter, box)` gives it, bit for
  /// bit.
  ///
  /// - Parameter box: left, top, right, bottom of the part to resize, in pixels; by default all of the image.
  public func resized(
    width: Int, height: Int, filter: ResamplingFilter = .bicubic, box: (Float, Float, Float, Float)? = nil
  ) -> Image {
    var resampler = Resampler()
    var result = PlanarImage(width: width, height: height)
    resampler.load(self)
    resampler.resize(
      PixelRectangle(x: 0, y: 0, width: self.width, height: self.height), box: box, width: width,
      height: height, filter: filter, into: &result)
    return result.image
  }
}
