import EmanateImages

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The image files below one folder, sorted by the bytes of their relative paths.
struct FolderListing {
  struct File {
    let path: FilePath
    let relativePath: String
    let bytes: Int
  }

  /// A folder below the first one that could not be listed, or what may be one, with the system's words.
  struct Unlisted {
    let path: FilePath
    let relativePath: String
    let reason: String
  }

  /// The files called .png, .jpg or .jpeg, upper or lower case, and those of other names that begin as such a file
  /// does.
  private(set) var files: [File] = []
  /// The folders left out, with all they hold.
  private(set) var unlisted: [Unlisted] = []
  /// How many other files there are that are not hidden.
  private(set) var others = 0

  /// A folder's identity, by which a link back to it is known.
  private struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
  }

  init(_ root: String) throws(ImageFolderError) {
    var status = stat()
    guard stat(root, &status) == 0 else {
      let code = errno
      throw code == ENOENT || root.isEmpty
        ? .missing(path: root) : .unreadable(path: root, reason: systemErrorText(code))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: root) }
    switch Self.names(in: FilePath(root)) {
    case .success(let names): list(names, in: FilePath(root), below: "", inside: [Identity(status)])
    case .failure(let error): throw .unreadable(path: root, reason: error.reason)
    }
    files.sort { ImageFolder.bytesPrecede($0.relativePath, $1.relativePath) }
    unlisted.sort { ImageFolder.bytesPrecede($0.relativePath, $1.relativePath) }
  }

  private mutating func list(
    _ names: [FilePath], in folder: FilePath, below prefix: String, inside open: [Identity]
  ) {
    for name in names {
      let path = folder.appending(name)
      let relativePath = prefix + name.description
      var status = stat()
      let isThere = path.withCString { stat($0, &status) } == 0
      let code = errno
      let kind = status.st_mode & S_IFMT
      if isThere && kind == S_IFDIR {
        let identity = Identity(status)
        if open.contains(identity) { continue }
        switch Self.names(in: path) {
        case .success(let names):
          list(names, in: path, below: relativePath + "/", inside: open + [identity])
        case .failure(let error):
          unlisted.append(Unlisted(path: path, relativePath: relativePath, reason: error.reason))
        }
      } else if Self.isNamedAsImage(name)
        || isThere && kind == S_IFREG && ImageFormat(contentsOf: path) != nil
      {
        files.append(
          File(path: path, relativePath: relativePath, bytes: isThere ? Int(status.st_size) : 0))
      } else if !isThere && code != ENOENT && code != ELOOP {
        unlisted.append(Unlisted(path: path, relativePath: relativePath, reason: systemErrorText(code)))
      } else {
        others += 1
      }
    }
  }

  private struct SystemError: Error {
    let reason = systemErrorText()
  }

  /// Names that do not begin with a dot.
  private static func names(in folder: FilePath) -> Result<[FilePath], SystemError> {
    guard let stream = folder.withCString({ opendir($0) }) else { return .failure(SystemError()) }
    defer { closedir(stream) }
    var names: [FilePath] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        return errno == 0 ? .success(names) : .failure(SystemError())
      }
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes.first != UInt8(ascii: ".") { names.append(FilePath(bytes: bytes)) }
    }
  }

  private static func isNamedAsImage(_ name: FilePath) -> Bool {
    let text = name.description
    guard let dot = text.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return ["png", "jpg", "jpeg"].contains(text[text.utf8.index(after: dot)...].lowercased())
  }
}
