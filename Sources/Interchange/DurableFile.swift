import Foundation

/// Writes that are either wholly there after a crash or not there at all.
public enum DurableFile {
  /// Writes a text file atomically: to a hidden file beside it, fsync, rename, fsync of the folder.
  ///
  /// An existing file is replaced; a reader sees the old text or the new one.
  public static func write(_ text: String, to path: String) throws(FileFailure) {
    var writer = try FileWriter(path)
    try writer.write(text)
    try writer.close(synchronized: true)
    try synchronize(parent(of: path))
  }

  /// The same for a file of bytes.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
    var writer = try FileWriter(path)
    try writer.write(bytes)
    try writer.close(synchronized: true)
    try synchronize(parent(of: path))
  }

  /// Makes sure that a file's bytes, or a folder's list of names, are on the disk (fsync).
  public static func synchronize(_ path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw .last("open", path) }
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw .last("synchronize", path) }
  }

  /// The folder a path lies in; "." for a bare name.
  static func parent(of path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  /// `folder/.name.suffix` for `folder/name`.
  static func hiddenNeighbor(of path: String, suffix: String) -> String {
    let name = (path as NSString).lastPathComponent
    return (parent(of: path) as NSString).appendingPathComponent(".\(name).\(suffix)")
  }
}
