import Foundation

/// A folder that appears under its name only when everything in it is on the disk.
///
/// Write the files into `partialPath`, then `commit()`. A folder that is not committed is removed; one that a
/// killed process left behind is hidden (`.name.partial`) and replaced by the next writer of that name.
public struct AtomicFolder: ~Copyable {
  /// The name the folder will have.
  public let path: String
  /// Where to write its files until then.
  public let partialPath: String
  private var isCommitted = false

  /// Makes the hidden folder beside `path`; the parent folder must exist.
  public init(at path: String) throws(FileFailure) {
    let clean = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.path = clean
    partialPath = DurableFile.hiddenNeighbor(of: clean, suffix: "partial")
    try Self.remove(partialPath)
    if mkdir(partialPath, 0o755) != 0 { throw .last("create the folder", partialPath) }
  }

  deinit { if !isCommitted { try? Self.remove(partialPath) } }

  /// Puts every file and folder on the disk, then gives the folder its name.
  ///
  /// A folder that already has the name is an error, or with `replacing` it is moved aside and removed.
  public consuming func commit(replacing: Bool = false) throws(FileFailure) {
    let inside = FileManager.default.enumerator(atPath: partialPath)
    while let name = inside?.nextObject() as? String {
      try DurableFile.synchronize((partialPath as NSString).appendingPathComponent(name))
    }
    try DurableFile.synchronize(partialPath)
    let old = DurableFile.hiddenNeighbor(of: path, suffix: "replaced")
    if FileManager.default.fileExists(atPath: path) {
      if !replacing {
        throw FileFailure(path: path, action: "create the folder", reason: "it exists already")
      }
      try Self.remove(old)
      if rename(path, old) != 0 { throw .last("rename to \(old)", path) }
    }
    if rename(partialPath, path) != 0 { throw .last("rename to \(path)", partialPath) }
    isCommitted = true
    try DurableFile.synchronize(DurableFile.parent(of: path))
    try Self.remove(old)
  }

  /// Removes a file or a folder with all that is in it; nothing happens where there is none.
  static func remove(_ path: String) throws(FileFailure) {
    if !FileManager.default.fileExists(atPath: path) { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw FileFailure(path: path, action: "remove", reason: error.localizedDescription)
    }
  }
}
