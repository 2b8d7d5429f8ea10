/// Why a file gave no image, with the file's path.
public struct ImageDecodingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of failure it was.
  public enum Reason: Sendable, Equatable, CustomStringConvertible {
    /// The file could not be opened or read; the system's own words.
    case unreadable(String)
    /// The content is neither PNG nor JPEG, whatever the name says.
    case unknownFormat(String)
    /// A PNG or JPEG file of a kind that is not read.
    case unsupported(String)
    /// The file is truncated or damaged.
    case corrupt(String)
    /// The picture has more pixels than the limit allows; no memory was taken for it.
    case tooManyPixels(width: Int, height: Int, limit: Int)
    /// The file has more bytes than the limit allows; it was not read.
    case tooManyBytes(Int, limit: Int)

    /// The reason in words, without the path.
    public var description: String {
      switch self {
      case .unreadable(let text), .unknownFormat(let text), .unsupported(let text), .corrupt(let text): text
      case .tooManyPixels(let width, let height, let limit):
        "\(width) x \(height) pixels are more than the limit of \(limit)"
      case .tooManyBytes(let bytes, let limit): "\(bytes) bytes are more than the limit of \(limit)"
      }
    }
  }

  /// The file as the caller named it; empty for bytes in memory.
  public let path: String
  /// What was wrong.
  public let reason: Reason

  /// A failure of the file at `path`.
  public init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// Path and reason.
  public var description: String { path.isEmpty ? reason.description : "\(path): \(reason)" }
}
