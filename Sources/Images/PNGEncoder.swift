import CEmanateCodecs

/// Why an image could not be written.
public struct ImageWritingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file that was to be written.
  public let path: String
  /// The system's or libpng's words.
  public let reason: String

  /// Path and reason.
  public var description: String { "\(path): \(reason)" }
}

/// Writes 8-bit RGB and grey images as PNG files.
public struct PNGEncoder: Sendable {
  /// zlib's level: 0 stores, 9 is the smallest.
  public var level: Int

  /// An encoder that compresses at `level` (0...9).
  public init(level: Int = 6) {
    precondition((0...9).contains(level), "PNGEncoder: level \(level) is not in 0...9")
    self.level = level
  }

  /// The bytes of a PNG file that holds `image`.
  public func encode(_ image: Image) -> [UInt8] {
    encode(image.pixels, width: image.width, height: image.height, channels: 3)
  }

  /// The bytes of a PNG file of grey levels: [height, width], 0...255.
  public func encodeGray(_ levels: [UInt8], width: Int, height: Int) -> [UInt8] {
    encode(levels, width: width, height: height, channels: 1)
  }

  /// Writes `image` to the file at `path`, over what was there.
  public func write(_ image: Image, to path: String) throws(ImageWritingError) {
    if let reason = writeFile(encode(image), to: path) { throw ImageWritingError(path: path, reason: reason) }
  }

  private func encode(_ pixels: [UInt8], width: Int, height: Int, channels: Int) -> [UInt8] {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * channels,
      "PNGEncoder: \(pixels.count) bytes for \(width) x \(height) x \(channels)")
    var out = emanate_encoded()
    defer { emanate_encoded_free(&out) }
    let status = emanate_png_encode(
      pixels, UInt32(width), UInt32(height), Int32(channels), Int32(level), &out)
    precondition(status == EMANATE_CODEC_DONE, "PNGEncoder: \(messageText(out.message))")
    return Array(UnsafeBufferPointer(start: out.bytes, count: out.count))
  }
}
