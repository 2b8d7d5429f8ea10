import Foundation

/// A file or folder that the system would not let us read or write.
public struct FileFailure: Error, Hashable, CustomStringConvertible {
  /// The file or folder at fault.
  public let path: String
  /// What was tried: "open", "write", "rename to `x`".
  public let action: String
  /// What the system said.
  public let reason: String

  /// A failure with the system's reason given as text.
  public init(path: String, action: String, reason: String) {
    self.path = path
    self.action = action
    self.reason = reason
  }

  /// A failure with the reason of the last system call (`errno`).
  static func last(_ action: String, _ path: String) -> FileFailure {
    FileFailure(path: path, action: action, reason: String(cString: strerror(errno)))
  }

  /// "`path`: cannot `action`: `reason`".
  public var description: String { "\(path): cannot \(action): \(reason)" }
}
