/// FNV-1a (Fowler, Noll, Vo) of 64 bits.
package struct FNV1a {
  /// So far.
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Of nothing yet.
  package init() {}

  /// Adds bytes.
  package mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  /// Adds a text.
  package mutating func add(_ text: String) { add(text.utf8) }

  /// Adds numbers, 32 bits at once.
  package mutating func add(_ numbers: [Float]) {
    for number in numbers { value = (value ^ UInt64(number.bitPattern)) &* 0x100_0000_01b3 }
  }

  /// The value as 16 hexadecimal digits.
  package var digits: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
