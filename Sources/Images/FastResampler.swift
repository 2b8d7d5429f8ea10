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
  private var (imageWidth, imageHeight) = (0, 0)
  private var across = ResamplingAxis()
  private var down = ResamplingAxis()
  private var doubles: [Double] = []
  private var scratch: [UInt8] = []

  /// Whether the processor's own instructions are left out: the oracle of those that use them, bit for bit.
  private let isPlain: Bool

  /// A resampler without an image.
  public init() { self.init(isPlain: false) }

  package init(isPlain: Bool) { self.isPlain = isPlain }

  /// Takes `image` as the source of the following calls.
  public mutating func load(_ image: ImagePlanes) {
    (imageWidth, imageHeight) = (image.width, image.height)
    colors =
      switch image.colors {
      case .gray: EMANATE_GRAY
      case .rgb: EMANATE_RGB
      case .yCbCr: EMANATE_YCBCR
      }
    // Whole vectors, and no multiple of 2 kB: neighbouring columns would meet in one set of the cache.
    let strides = image.planes.map { plane in
      let stride = (plane.height + 31) / 32 * 32
      return stride % 1024 == 0 ? stride + 32 : stride
    }
    let count = zip(strides, image.planes).reduce(0) { $0 + $1.0 * $1.1.width }
    // Up to 31 numbers to the first whole vector; 64 are read after the last column.
    if columns.count < count + 96 { columns = [Int16](repeating: 0, count: count + 96) }
    image.levels.withUnsafeBufferPointer { levels in
      columns.withUnsafeMutableBufferPointer { columns in
        // Columns begin with whole vectors of 64 bytes.
        var offset = (64 - Int(bitPattern: columns.baseAddress!) % 64) % 64 / 2
        planes = image.planes.enumerated().map { index, plane in
          let stride = strides[index]
          emanate_columns16(
            levels.baseAddress! + plane.offset, plane.rowBytes, plane.width, plane.height,
            image.colors == .yCbCr && index > 0 ? 128 : 0, columns.baseAddress! + offset, stride)
          defer { offset += stride * plane.width }
          return emanate_plane16(
            offset: offset, stride: stride, width: plane.width, height: plane.height,
            halves_columns: plane.halvesColumns ? 1 : 0, halves_rows: plane.halvesRows ? 1 : 0)
        }
      }
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
      window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0
        && window.x + window.width <= imageWidth && window.y + window.height <= imageHeight,
      "FastResampler.resize: \(window) is not inside \(imageWidth) x \(imageHeight) pixels")
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
