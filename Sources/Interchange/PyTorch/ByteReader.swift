import Foundation

/// Walks through a part of a file's bytes, never outside it: what would lie there is nil.
struct ByteReader {
  private let data: Data
  /// Where the next byte is taken, in bytes from the start of the file.
  private(set) var position: Int
  /// The end of the part, in bytes from the start of the file.
  let end: Int

  /// A walk through `part` of a whole file.
  init(_ data: Data, _ part: Range<Int>) {
    precondition(
      data.startIndex == 0 && part.lowerBound >= 0 && part.upperBound <= data.count,
      "ByteReader: \(part) of \(data.count)")
    self.data = data
    (position, end) = (part.lowerBound, part.upperBound)
  }

  /// Bytes that are left.
  var rest: Int { end - position }

  /// The next byte.
  mutating func byte() -> UInt8? {
    guard position < end else { return nil }
    defer { position += 1 }
    return data[position]
  }

  /// The next `bytes` bytes, at most eight, as a little-endian number.
  mutating func number(bytes: Int) -> UInt64? {
    guard rest >= bytes else { return nil }
    var number: UInt64 = 0
    for index in 0..<bytes { number |= UInt64(data[position + index]) << (8 * UInt64(index)) }
    position += bytes
    return number
  }

  /// The same as a length or a place.
  mutating func count(bytes: Int) -> Int? { number(bytes: bytes).flatMap { Int(exactly: $0) } }

  /// The place of the next `count` bytes, which are passed over.
  mutating func skip(_ count: Int) -> Range<Int>? {
    guard count >= 0, count <= rest else { return nil }
    defer { position += count }
    return position..<position + count
  }

  /// The place of the bytes up to the next newline, which is passed over too.
  mutating func line() -> Range<Int>? {
    guard let newline = data[position..<end].firstIndex(of: 0x0A) else {
      return nil
    }
    let place = position..<newline
    position = place.upperBound + 1
    return place
  }
}

extension Data {
  /// The text at a place, if it is UTF-8.
  func text(at place: Range<Int>) -> String? {
    String(validating: self[place], as: UTF8.self)
  }
}
