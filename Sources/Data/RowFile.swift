/// Rows of numbers in one file that runs share, each found by its key: what a network made of an image, say.
package final class RowFile: Sendable {
  /// Numbers in a row.
  package let width: Int
  private let file: RecordFile

  private static let kind = RecordFile.Kind(
    magic: 0x3157_4f52_544e_4d45,  // "EMNTROW1"
    words: 1, content: "rows of numbers",
    fits: { words, bytes in words.first == UInt64(bytes / 4) && bytes % 4 == 0 })

  /// Opens the file or makes it; its folder must exist. Without a limit it may take half of what the disk has free.
  ///
  /// - Parameter limit: The file's greatest length in bytes.
  package init(_ path: String, width: Int, limit: Int? = nil) throws(CacheFileError) {
    self.width = width
    file = try RecordFile(path, Self.kind, limit: limit ?? RecordFile.freeBytes(beside: path) / 2)
  }

  /// Rows in the file when it was opened.
  package var rowsFound: Int { file.recordsFound }
  /// Whether this run adds rows; another one does otherwise.
  package var isWritable: Bool { file.isWritable }
  /// Bytes of all records.
  package var byteCount: Int { file.byteCount }

  /// The row of a key; nil if it is not there, of another width, or not what was written.
  package func row(_ key: UInt64) -> [Float]? {
    guard let (words, payload) = file.record(key), words[0] == UInt64(width) else { return nil }
    return [Float](unsafeUninitializedCapacity: width) { buffer, filled in
      payload.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      filled = width
    }
  }

  /// Adds a row, if there is none of this key yet, and room.
  package func keep(_ row: ArraySlice<Float>, as key: UInt64) {
    precondition(row.count == width, "RowFile: a row of \(row.count) numbers, not \(width)")
    file.keep(row.withUnsafeBytes { Array($0) }, words: [UInt64(width)], as: key)
  }
}
