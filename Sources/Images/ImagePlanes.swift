import CEmanateCodecs
import CEmanateKernels

/// A decoded image as its file stores it: one plane a component, chroma at half the resolution where a JPEG file keeps
/// it so. What `FastResampler` reads.
public struct ImagePlanes: Sendable, Equatable {
  /// What the planes hold.
  public enum Colors: Sendable, Equatable {
    /// One plane of grey levels.
    case gray
    /// Red, green, blue.
    case rgb
    /// Luma and two of chroma (JFIF), in a JPEG file's own numbers.
    case yCbCr
  }

  /// One component.
  public struct Plane: Sendable, Equatable {
    /// Samples in a row.
    public let width: Int
    /// Rows of samples.
    public let height: Int
    /// Bytes between rows.
    public let rowBytes: Int
    /// The first row's place in `levels`.
    public let offset: Int
    /// Whether a sample covers two columns of the image.
    public let halvesColumns: Bool
    /// Whether a sample covers two rows of the image.
    public let halvesRows: Bool
  }

  /// Pixels in a row of the image.
  public let width: Int
  /// Rows of the image.
  public let height: Int
  /// What the planes hold.
  public let colors: Colors
  /// The components.
  public let planes: [Plane]
  /// Levels 0...255 of all planes.
  public let levels: [UInt8]

  /// The red, green and blue planes of `image`.
  public init(_ image: Image) {
    let count = image.width * image.height
    let levels = [UInt8](unsafeUninitializedCapacity: 3 * count) { levels, filled in
      image.pixels.withUnsafeBufferPointer {
        emanate_planes_from_rgb($0.baseAddress, count, levels.baseAddress)
      }
      filled = 3 * count
    }
    self.init(width: image.width, height: image.height, rgb: levels)
  }

  init(width: Int, height: Int, colors: Colors, planes: [Plane], levels: [UInt8]) {
    (self.width, self.height, self.colors) = (width, height, colors)
    (self.planes, self.levels) = (planes, levels)
  }

  /// Planes of red, green and blue, one after the other.
  init(width: Int, height: Int, rgb: [UInt8]) {
    (self.width, self.height, colors, levels) = (width, height, .rgb, rgb)
    planes = (0..<3).map {
      Plane(
        width: width, height: height, rowBytes: width, offset: $0 * width * height, halvesColumns: false,
        halvesRows: false)
    }
  }

  /// The components of a JPEG file; `fill` decodes into `layout.bytes` bytes.
  init(_ layout: emanate_jpeg_layout, filledBy fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    let parts = [layout.planes.0, layout.planes.1, layout.planes.2].prefix(Int(layout.components))
    (width, height) = (Int(parts[0].width), Int(parts[0].height))
    colors = parts.count == 1 ? .gray : .yCbCr
    planes = parts.map {
      Plane(
        width: Int($0.width), height: Int($0.height), rowBytes: $0.row_bytes, offset: $0.offset,
        halvesColumns: $0.columns_per_sample == 2, halvesRows: $0.rows_per_sample == 2)
    }
    levels = [UInt8](unsafeUninitializedCapacity: layout.bytes) { levels, filled in
      fill(levels.baseAddress!)
      // Bytes need no initialization; after an error nobody reads them.
      filled = layout.bytes
    }
  }

  /// Red, green and blue planes, with libjpeg's upsampling and rounding: the levels of the decoded image.
  public var rgb: ImagePlanes {
    guard colors == .yCbCr else { return self }
    let count = width * height
    let converted = [UInt8](unsafeUninitializedCapacity: 3 * count) { result, filled in
      withChroma { luma, chroma in
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: emanate_rgb_scratch(chroma)) { scratch in
          emanate_rgb_from_ycbcr(
            luma, planes[0].rowBytes, width, height, chroma, result.baseAddress, scratch.baseAddress)
        }
      }
      filled = 3 * count
    }
    return ImagePlanes(width: width, height: height, rgb: converted)
  }

  /// The share of chroma samples whose colour is outside red, green and blue of 0...255 by more than 4 levels.
  ///
  /// A decoder clips such colours before anything else happens; resampled luma and chroma are clipped afterwards.
  public var shareOutsideGamut: Double {
    guard colors == .yCbCr else { return 0 }
    let outside = withChroma { emanate_outside_gamut($0, planes[0].rowBytes, width, height, $1) }
    return Double(outside) / Double(planes[1].width * planes[1].height)
  }

  private func withChroma<Result>(
    _ body: (UnsafePointer<UInt8>, UnsafePointer<emanate_chroma>) -> Result
  ) -> Result {
    levels.withUnsafeBufferPointer { levels in
      let plane = planes[1]
      var chroma = emanate_chroma(
        blueness: levels.baseAddress! + plane.offset, redness: levels.baseAddress! + planes[2].offset,
        row_bytes: plane.rowBytes, width: plane.width, height: plane.height,
        halves_columns: plane.halvesColumns ? 1 : 0, halves_rows: plane.halvesRows ? 1 : 0)
      return withUnsafePointer(to: &chroma) { body(levels.baseAddress! + planes[0].offset, $0) }
    }
  }
}
