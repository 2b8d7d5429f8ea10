import EmanateInterchange
import Foundation
import Testing

@Suite struct TFRecordTests {
  /// What TensorBoard 2.21.0's `RecordWriter` writes of "123456789".
  private let golden = "090000000000000037f97139313233343536373839e5b08ac7"

  @Test func `a record has the bytes that TensorBoard's own writer gives it`() {
    let record = TFRecord.framed(Array("123456789".utf8))
    #expect(record.map { String(format: "%02x", $0) }.joined() == golden)
  }

  @Test func `records read back one after the other, empty ones too`() {
    let written = [[], [1], [UInt8](repeating: 7, count: 1000)] as [[UInt8]]
    #expect(TFRecord.Reader(Data(written.flatMap(TFRecord.framed))).map { Array($0) } == written)
  }

  @Test func `reading ends before a record that is torn or damaged`() {
    let (first, second) = (TFRecord.framed([1, 2, 3]), TFRecord.framed([4, 5]))
    for count in 0..<second.count {
      var reader = TFRecord.Reader(Data(first + second.prefix(count)))
      #expect(reader.next().map { Array($0) } == [1, 2, 3])
      #expect(reader.next() == nil && reader.place == first.count)
    }
    for place in second.indices {
      var damaged = second
      damaged[place] ^= 0x10
      var reader = TFRecord.Reader(Data(first + damaged))
      #expect(reader.next() != nil && reader.next() == nil, "byte \(place)")
    }
  }

  @Test func `a length beyond every file is refused, whatever its checksum says`() {
    let length = [UInt8](repeating: 255, count: 8)
    let sum = CRC32C.masked(length)
    let head = length + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
    var reader = TFRecord.Reader(Data(head + [0, 0, 0, 0, 0]))
    #expect(reader.next() == nil)
  }
}
