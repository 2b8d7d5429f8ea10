import CEmanateKernels

/// Crops and resizes planes in 16-bit arithmetic, from a JPEG file's own luma and chroma: most of Pillow's levels, a
/// few off by one. `Resampler` is its exact counterpart and its oracle.
///
/// Chroma is never brought to the image's resolution: libjpeg's smooth upsampling is linear and goes into the
/// weights of the resampling. Red, green and blue are found for the result's pixels only. They are clipped after
/// resampling, not before as in Pillow: near black and near white, rare values differ by more than a level.
public struct FastResampler: Sendable {
  private var columns: [Int16] = []
  private var planes: [emanate_plane16] = []
  private var colors = EMANATE_GRAY
  private var loaded = PixelRectangle(x: 0, y: 0, width: 0, height: 0)
  private var across = ResamplingAxis()
  private var down = ResamplingAxis()
  private var doubles: [Double] = []
  private var scratch: [UInt8] = []

  /// Whether the processor's own instructions are left out: the oracle of those that use them, bit for bit.
  private let isPlain: Bool

  /// A resampler without an image.
  public init() { self.init(isPlain: false) }

  package init(isPlain: Bool) { self.isPlain = isPlain }

  /// Takes `image`, or the part of it in `region`, as the source of the following calls.
  public mutating func load(_ image: ImagePlanes, region: PixelRectangle? = nil) {
    begin(width: image.width, height: image.height, region)
    colors =
      switch image.colors {
      case .gray: EMANATE_GRAY
      case .rgb: EMANATE_RGB
      case .yCbCr: EMANATE_YCBCR
      }
    let parts = image.planes.map { Part($0, loaded) }
    makeRoom(for: parts.reduce(0) { $0 + $1.count })
    planes = image.levels.withUnsafeBufferPointer { levels in
      withColumns { columns, offset in
        image.planes.enumerated().map { index, plane in
          let part = parts[index]
          emanate_columns16(
            levels.baseAddress! + plane.offset + part.y * plane.rowBytes + part.x, plane.rowBytes, part.width,
            part.height, image.colors == .yCbCr && index > 0 ? 128 : 0, columns + offset, part.stride)
          defer { offset += part.count }
          return part.plane(at: offset, of: plane)
        }
      }
    }
  }

  /// The same of red, green and blue side by side.
  public mutating func load(_ image: Image, region: PixelRectangle? = nil) {
    begin(width: image.width, height: image.height, region)
    colors = EMANATE_RGB
    let plane = ImagePlanes.Plane(
      width: image.width, height: image.height, rowBytes: image.width, offset: 0, halvesColumns: false,
      halvesRows: false)
    let part = Part(plane, loaded)
    makeRoom(for: 3 * part.count)
    planes = image.pixels.withUnsafeBufferPointer { pixels in
      withColumns { columns, offset in
        emanate_columns16_from_rgb(
          pixels.baseAddress! + 3 * (part.y * image.width + part.x), 3 * image.width, part.width, part.height,
          columns + offset, part.stride, part.count)
        return (0..<3).map { part.plane(at: offset + $0 * part.count, of: plane) }
      }
    }
  }

  /// Memory that is kept for the next image, in bytes.
  package var byteCount: Int { 2 * columns.count + scratch.count }

  private mutating func begin(width: Int, height: Int, _ region: PixelRectangle?) {
    loaded = region ?? PixelRectangle(x: 0, y: 0, width: width, height: height)
    precondition(
      loaded.x >= 0 && loaded.y >= 0 && loaded.width > 0 && loaded.height > 0
        && loaded.x + loaded.width <= width && loaded.y + loaded.height <= height,
      "FastResampler.load: \(loaded) is not inside \(width) x \(height) pixels")
  }

  private mutating func makeRoom(for count: Int) {
    // Up to 31 numbers to the first whole vector; 64 are read after the last column.
    if columns.count < count + 96 { columns = [Int16](repeating: 0, count: count + 96) }
  }

  /// The columns and where the first one begins: with a whole vector of 64 bytes.
  private mutating func withColumns<Result>(
    _ body: (UnsafeMutablePointer<Int16>, inout Int) -> Result
  ) -> Result {
    columns.withUnsafeMutableBufferPointer { columns in
      var offset = (64 - Int(bitPattern: columns.baseAddress!) % 64) % 64 / 2
      return body(columns.baseAddress!, &offset)
    }
  }

  /// The samples of a plane that a region needs, with those that smooth upsampling adds.
  private struct Part {
    let x, y, width, height, stride: Int

    init(_ plane: ImagePlanes.Plane, _ region: PixelRectangle) {
      func range(_ first: Int, _ count: Int, _ samples: Int, isHalved: Bool) -> (Int, Int) {
        if !isHalved { return (first, first + count) }
        return (max((first - 1) >> 1, 0), min((first + count) / 2 + 1, samples))
      }
      let (left, right) = range(region.x, region.width, plane.width, isHalved: plane.halvesColumns)
      let (top, bottom) = range(region.y, region.height, plane.height, isHalved: plane.halvesRows)
      // Whole blocks of 16 rows, as the passes read them.
      (x, y) = (left, top / 16 * 16)
      (width, height) = (right - left, bottom - top / 16 * 16)
      // Whole vectors, and no multiple of 2 kB: neighbouring columns would meet in one set of the cache.
      let rows = (height + 31) / 32 * 32
      stride = rows % 1024 == 0 ? rows + 32 : rows
    }

    var count: Int { stride * width }

    /// The plane as if all of it began at its own first sample.
    func plane(at offset: Int, of plane: ImagePlanes.Plane) -> emanate_plane16 {
      emanate_plane16(
        offset: offset - x * stride - y, stride: stride, width: plane.width, height: plane.height,
        halves_columns: plane.halvesColumns ? 1 : 0, halves_rows: plane.halvesRows ? 1 : 0)
    }
  }

  /// Resizes the part `window` of the loaded image, as if it had been cropped to it, to `width` x `height`
  /// pixels.
  ///
  /// - Parameters:
  ///   - window: in pixels of the image.
  ///   - mirrored: swaps left and right of the result, at no cost.
  public mutating func resize(
    _ window: PixelRectangle, width: Int, height: Int, filter: ResamplingFilter = .bicubic,
    mirrored: Bool = false, into result: inout PlanarImage
  ) {
    precondition(
      window.x >= loaded.x && window.y >= loaded.y && window.width > 0 && window.height > 0
        && window.x + window.width <= loaded.x + loaded.width
        && window.y + window.height <= loaded.y + loaded.height,
      "FastResampler.resize: \(window) is not inside \(loaded)")
    across.fill(
      inputs: window.width, from: 0, to: Float(window.width), outputs: width, filter: filter,
      scratch: &doubles)
    down.fill(
      inputs: window.height, from: 0, to: Float(window.height), outputs: height, filter: filter,
      scratch: &doubles)
    result.reshape(width: width, height: height)
    let (across, down, colors) = (across, down, colors)
    across.withPointer { across in
      down.withPointer { down in
        let bytes = emanate_resize16_scratch(across, down, window.height)
        if scratch.count < bytes { scratch = [UInt8](repeating: 0, count: bytes) }
        scratch.withUnsafeMutableBufferPointer { scratch in
          result.levels.withUnsafeMutableBufferPointer { levels in
            let resize = isPlain ? emanate_resize16_plain : emanate_resize16
            resize(
              columns, planes, colors, across, down, window.x, window.y, mirrored ? 1 : 0, levels.baseAddress,
              scratch.baseAddress)
          }
        }
      }
    }
  }
}
