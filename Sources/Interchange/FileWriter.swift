import Foundation

/// Writes one file from its beginning to its end, and reports every error of the system.
///
/// The bytes go to a hidden file beside it that gets the name when it is closed: whoever reads sees the old file
/// or the whole new one. A writer that is not closed leaves nothing behind.
package struct FileWriter: ~Copyable {
  private let path, partial: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var isClosed = false

  /// Creates the hidden file; a link is followed to the file it names.
  package init(_ path: String) throws(FileFailure) {
    self.path =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == nil
      ? path : URL(filePath: path).resolvingSymlinksInPath().path
    partial = DurableFile.hiddenNeighbor(of: self.path, suffix: "partial")
    descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw .last("create", path) }
  }

  deinit {
    if isClosed { return }
    _ = Foundation.close(descriptor)
    unlink(partial)
  }

  /// Appends text as UTF-8; small pieces are collected before they are written.
  package mutating func write(_ text: String) throws(FileFailure) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { try flush() }
  }

  /// Appends bytes.
  package mutating func write(_ bytes: [UInt8]) throws(FileFailure) {
    try flush()
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileFailure) in try put(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Appends bytes.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    try flush()
    try put(bytes)
  }

  /// Closes the file and gives it its name; with `synchronized` its bytes are on the disk before that (fsync).
  package consuming func close(synchronized: Bool) throws(FileFailure) {
    try flush()
    if synchronized && fsync(descriptor) != 0 { throw .last("synchronize", path) }
    isClosed = true
    if Foundation.close(descriptor) != 0 { throw .last("close", path) }
    if rename(partial, path) != 0 {
      let failure = FileFailure.last("rename to \(path)", partial)
      unlink(partial)
      throw failure
    }
  }

  private mutating func flush() throws(FileFailure) {
    if buffer.isEmpty { return }
    let bytes = buffer
    buffer.removeAll(keepingCapacity: true)
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileFailure) in try put(UnsafeRawBufferPointer(bytes))
    }
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    var written = 0
    while written < bytes.count {
      let count = Foundation.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .last("write", path) }
      written += count
    }
  }
}
