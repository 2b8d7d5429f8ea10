import Foundation

/// A record of TensorFlow's files: its length in eight bytes, their masked CRC-32C, the bytes, and their masked CRC-32C.
///
/// https://www.tensorflow.org/tutorials/load_data/tfrecord
package enum TFRecord {
  private static let headCount = 12, tailCount = 4

  /// The record as it stands in a file.
  package static func framed(_ bytes: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(bytes.count))
    return length + littleEndian(CRC32C.masked(length)) + bytes + littleEndian(CRC32C.masked(bytes))
  }

  /// The records of a file up to the first one that is torn or damaged.
  package struct Reader: Sequence, IteratorProtocol {
    private let file: Data
    /// Where the next record begins, in bytes.
    package private(set) var place = 0

    /// Reads from the file's beginning.
    package init(_ file: Data) { self.file = file }

    /// The next record's bytes.
    package mutating func next() -> Data? {
      let rest = file.dropFirst(place)
      let head = rest.prefix(headCount)
      guard head.count == headCount, number(head.suffix(4)) == UInt64(CRC32C.masked(head.prefix(8))) else {
        return nil
      }
      let after = rest.dropFirst(headCount)
      guard let length = Int(exactly: number(head.prefix(8))), length <= after.count - tailCount else {
        return nil
      }
      let bytes = after.prefix(length)
      let tail = after.dropFirst(length).prefix(tailCount)
      guard number(tail) == UInt64(CRC32C.masked(bytes)) else { return nil }
      place += headCount + length + tailCount
      return bytes
    }
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func number(_ bytes: Data) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}
