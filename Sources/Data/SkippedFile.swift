import EmanateImages

/// A file that could not be decoded or a folder that could not be listed, and why.
public struct SkippedFile: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The path that was opened.
  public let path: String
  /// The path below its folder.
  public let relativePath: String
  /// Which of the folders given it was found in.
  public let root: Int
  /// The reason in words.
  public let reason: String

  init(_ entry: ImageFolder.Entry, _ error: ImageDecodingError) {
    path = entry.path
    relativePath = entry.relativePath
    root = entry.root
    reason = error.reason.description
  }

  init(_ folder: FolderListing.Unlisted, root: Int) {
    (path, relativePath, self.root) = (folder.path.description, folder.relativePath, root)
    reason = "cannot be listed: \(folder.reason)"
  }

  /// Path and reason.
  public var description: String { "\(path): \(reason)" }
}
