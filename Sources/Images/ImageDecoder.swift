import CEmanateCodecs
import EmanateKernels

/// Reads PNG and JPEG files as 8-bit RGB, with the same bytes as Pillow's `Image.open(path).convert("RGB")`.
///
/// The content decides the format, not the name. Alpha is dropped unless a background is asked for; gamma and
/// colour profiles are ignored; JPEG uses the accurate integer DCT and smooth chroma upsampling. One difference from Pillow:
/// 16-bit PNG samples are scaled, (v x 255 + 32767) / 65535 rounded down, where Pillow clips grey ones.
/// Damage that Pillow reads over (corrupt entropy-coded JPEG data) is an error here.
public struct ImageDecoder: Sendable {
  /// What to do with the orientation that a camera notes beside the pixels.
  public enum Orientation: String, Sendable, Codable, CaseIterable {
    /// Pixels as they are stored, as torchvision's loader takes them.
    case ignore
    /// Turned and mirrored as the file's EXIF block says, as Pillow's `ImageOps.exif_transpose` does.
    case apply
  }

  /// What to do with the alpha channel of a PNG, or with its transparent colour.
  public enum Alpha: Sendable, Hashable {
    /// The colours as they are stored, also where nothing of them is to be seen, as torchvision's loader takes
    /// them.
    case drop
    /// Laid over a background, as Pillow's `paste` with the image as its own mask does.
    case over(Color)
  }

  /// The EXIF orientation: left alone unless set.
  public var orientation: Orientation
  /// Alpha: dropped unless set.
  public var alpha: Alpha
  /// The largest width x height that is decoded; checked before memory is taken. 100 million, our choice.
  public var pixelLimit: Int
  /// The largest file that is read, in bytes. 1 GiB, our choice.
  public var byteLimit: Int

  /// A decoder of the given settings.
  public init(
    orientation: Orientation = .ignore, alpha: Alpha = .drop, pixelLimit: Int = 100_000_000,
    byteLimit: Int = 1 << 30
  ) {
    self.orientation = orientation
    self.alpha = alpha
    self.pixelLimit = pixelLimit
    self.byteLimit = byteLimit
  }

  /// All that decides what comes out, in words.
  package var settings: String {
    let background = alpha.levels.map { "\($0)" } ?? "drop"
    return "\(orientation.rawValue) \(background) \(pixelLimit) \(byteLimit)"
  }

  /// The image in the file at `path`: [height, width, 3], levels 0...255.
  public func decode(contentsOf path: String) throws(ImageDecodingError) -> Image {
    try decode(contentsOf: FilePath(path))
  }

  /// The image in the file at `path`, whose name need not be text.
  public func decode(contentsOf path: FilePath) throws(ImageDecodingError) -> Image {
    try decode(bytes(of: path), path: path.description)
  }

  /// The image in the file at `path` in the form that `mode` reads.
  public func decode(contentsOf path: FilePath, for mode: DataMode) throws(ImageDecodingError) -> DecodedImage
  {
    try decode(bytes(of: path), for: mode, path: path.description)
  }

  /// The image in `bytes` in the form that `mode` reads; `path` is for the error's text only.
  public func decode(
    _ bytes: [UInt8], for mode: DataMode, path: String = ""
  ) throws(ImageDecodingError) -> DecodedImage {
    if mode == .fast, let planes = try decodePlanes(bytes, path: path) { return .planes(planes) }
    return .pixels(try decode(bytes, path: path))
  }

  /// Width x height of the image in `bytes`; 0 where they are none.
  package func pixelCount(_ bytes: [UInt8]) -> Int {
    guard let header = try? header(bytes, "") else { return 0 }
    return Int(header.width) * Int(header.height)
  }

  /// The image in the file at `path` in the form that `mode` reads.
  public func decode(contentsOf path: String, for mode: DataMode) throws(ImageDecodingError) -> DecodedImage {
    try decode(contentsOf: FilePath(path), for: mode)
  }

  /// The image in `bytes`, a whole PNG or JPEG file; `path` is for the error's text only.
  public func decode(_ bytes: [UInt8], path: String = "") throws(ImageDecodingError) -> Image {
    var header = try header(bytes, path)
    let (width, height) = (Int(header.width), Int(header.height))
    var status: Int32 = 0
    let total = width * height * 3
    let name = header.format == EMANATE_FORMAT_JPEG ? "JPEG" : "PNG"
    let pixels = profiled(name, Work(numbers: total / 4)) {
      [UInt8](unsafeUninitializedCapacity: total) { buffer, filled in
        status = emanate_image_decode(bytes, bytes.count, &header, alpha.levels, buffer.baseAddress)
        // Bytes of UInt8 need no initialization; after an error nobody reads them.
        filled = total
      }
    }
    try check(status, header.message, path)
    let image = Image(width: width, height: height, pixels: pixels)
    return orientation == .apply ? image.oriented(Int(header.orientation)) : image
  }

  /// The image in a grey or YCbCr JPEG file as the file stores it, or as planes of red, green and blue where its colours
  /// must be clipped first; nil for any other file, for one that is to be turned, and for a very large one to be clipped.
  public func decodePlanes(_ bytes: [UInt8], path: String = "") throws(ImageDecodingError) -> ImagePlanes? {
    let header = try header(bytes, path)
    let isTurned = orientation == .apply && header.orientation != 1
    var layout = emanate_jpeg_layout()
    guard header.format == EMANATE_FORMAT_JPEG, !isTurned,
      emanate_jpeg_read_layout(bytes, bytes.count, &layout) == EMANATE_CODEC_DONE
    else { return nil }
    var status: Int32 = 0
    let planes = profiled("JPEG", Work(numbers: layout.bytes / 4)) {
      ImagePlanes(layout) { status = emanate_jpeg_decode_planes(bytes, bytes.count, &layout, $0) }
    }
    try check(status, layout.message, path)
    return profiled("clipping of colours", Work(numbers: layout.bytes / 4)) {
      guard planes.shareOutsideGamut > Self.gamutLimit else { return planes }
      // Three whole planes of a very large image would take much memory: it is decoded as pixels.
      return planes.width * planes.height > 1 << 23 ? nil : planes.rgb
    }
  }

  /// The share of colours outside the gamut from which planes are converted, and so clipped, before they are
  /// resampled. Our choice: crops of saturated wallpapers then differ from exact ones by more than a level in 0.07 %
  /// of their values, where a third of the images is converted; 1 % without (`benchmark data --differences`).
  private static let gamutLimit = 0.02

  /// All bytes of the file at `path`, whatever they are.
  package func bytes(of path: FilePath) throws(ImageDecodingError) -> [UInt8] {
    do throws(FileReadingError) {
      return try readFile(path, limit: byteLimit)
    } catch {
      let reason: ImageDecodingError.Reason =
        switch error {
        case .tooLarge(let count): .tooManyBytes(count, limit: byteLimit)
        case .system(let text): .unreadable(text)
        }
      throw ImageDecodingError(path: path.description, reason: reason)
    }
  }

  /// Size and orientation; more pixels than the limit are an error.
  private func header(_ bytes: [UInt8], _ path: String) throws(ImageDecodingError) -> emanate_image_header {
    var header = emanate_image_header()
    try check(emanate_image_read_header(bytes, bytes.count, &header), header.message, path)
    let (width, height) = (Int(header.width), Int(header.height))
    guard width <= pixelLimit / max(height, 1) else {
      throw ImageDecodingError(
        path: path, reason: .tooManyPixels(width: width, height: height, limit: pixelLimit))
    }
    return header
  }

  private func check<Message>(
    _ status: Int32, _ message: Message, _ path: String
  ) throws(ImageDecodingError) {
    if status == EMANATE_CODEC_DONE { return }
    let text = messageText(message)
    let reason: ImageDecodingError.Reason =
      switch Int(status) {
      case EMANATE_CODEC_UNKNOWN_FORMAT: .unknownFormat(text)
      case EMANATE_CODEC_CORRUPT: .corrupt(text)
      default: .unsupported(text)
      }
    throw ImageDecodingError(path: path, reason: reason)
  }
}

extension ImageDecoder.Alpha {
  /// The background as C takes it; nil where alpha is dropped.
  fileprivate var levels: [UInt8]? {
    if case .over(let color) = self { [color.red, color.green, color.blue] } else { nil }
  }
}

/// The text of a C message: a tuple of characters that ends with a zero.
func messageText<Characters>(_ message: Characters) -> String {
  withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
