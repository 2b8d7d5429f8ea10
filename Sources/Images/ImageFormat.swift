import CEmanateCodecs

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The kinds of image files that are read, known by their first bytes and not by their names.
public enum ImageFormat: String, Sendable, Codable, CaseIterable {
  case png, jpeg

  /// The format of a file that begins with `bytes`; nil if it is neither. Eight bytes are enough.
  public init?(of bytes: [UInt8]) {
    switch Int(emanate_image_format(bytes, bytes.count)) {
    case EMANATE_FORMAT_PNG: self = .png
    case EMANATE_FORMAT_JPEG: self = .jpeg
    default: return nil
    }
  }

  /// The format of the regular file at `path`, of which eight bytes are read; nil if it is neither or cannot be read.
  package init?(contentsOf path: FilePath) {
    // Not blocking: what was a file a moment ago may be a named pipe.
    let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 8)
    guard read(descriptor, &bytes, 8) == 8 else { return nil }
    self.init(of: bytes)
  }
}
