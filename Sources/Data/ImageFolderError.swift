/// Why a folder gave no images; found before anything is written.
public enum ImageFolderError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is nothing at the path.
  case missing(path: String)
  /// What stands there is no folder.
  case notAFolder(path: String)
  /// The folder cannot be listed, or one inside it and there are no images elsewhere; with the system's words.
  case unreadable(path: String, reason: String)
  /// The folder holds nothing at all.
  case empty(path: String)
  /// There are files, but none is an image by name or content.
  case noImages(path: String, files: Int)
  /// Labels are needed, and this image stands in no class folder.
  case noLabel(path: String)
  /// The class of this image is not among the expected ones.
  case unknownClass(String, path: String)

  /// The failure in words, with what can be done.
  public var description: String {
    switch self {
    case .missing(let path): "\(path): there is no such folder"
    case .notAFolder(let path): "\(path): is not a folder"
    case .unreadable(let path, let reason): "\(path): cannot be listed: \(reason)"
    case .empty(let path): "\(path): the folder is empty"
    case .noImages(let path, let files):
      "\(path): holds \(files) \(files == 1 ? "file" : "files") but no PNG or JPEG image"
    case .noLabel(let path): "\(path): has no label; the first folder level must name the class"
    case .unknownClass(let name, let path): "\(path): class \"\(name)\" is not among the known classes"
    }
  }
}
