#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The image files below one folder, sorted by the bytes of their relative paths.
struct FolderListing {
  struct File {
    let relativePath: String
    let bytes: Int
  }

  /// The .png, .jpg and .jpeg files, upper or lower case.
  private(set) var files: [File] = []
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
        ? .missing(path: root) : .unreadable(path: root, reason: String(cString: strerror(code)))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: root) }
    try list(root, below: "", inside: [Identity(status)])
    files.sort { ImageFolder.bytesPrecede($0.relativePath, $1.relativePath) }
  }

  private mutating func list(
    _ folder: String, below prefix: String, inside open: [Identity]
  ) throws(ImageFolderError) {
    for name in try Self.names(in: folder) {
      let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
      var status = stat()
      let isThere = stat(path, &status) == 0
      if isThere && status.st_mode & S_IFMT == S_IFDIR {
        let identity = Identity(status)
        if open.contains(identity) { continue }
        try list(path, below: prefix + name + "/", inside: open + [identity])
      } else if Self.isImage(name) {
        files.append(File(relativePath: prefix + name, bytes: isThere ? Int(status.st_size) : 0))
      } else {
        others += 1
      }
    }
  }

  /// Names that do not begin with a dot.
  private static func names(in folder: String) throws(ImageFolderError) -> [String] {
    guard let stream = opendir(folder) else {
      throw .unreadable(path: folder, reason: String(cString: strerror(errno)))
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .unreadable(path: folder, reason: String(cString: strerror(errno))) }
        return names
      }
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes.first == UInt8(ascii: ".") { continue }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw .nameNotUTF8(path: folder + "/" + String(decoding: bytes, as: UTF8.self))
      }
      names.append(name)
    }
  }

  private static func isImage(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return ["png", "jpg", "jpeg"].contains(name[name.utf8.index(after: dot)...].lowercased())
  }
}
