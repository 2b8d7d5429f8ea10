import EmanateInterchange
import Testing

@Suite struct CRC32CTests {
  @Test func `checksums are those of RFC 3720 and of the usual nine digits`() {
    #expect(CRC32C.checksum("123456789".utf8) == 0xe306_9283)
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.checksum([UInt8](repeating: 255, count: 32)) == 0x62a8_ab43)
    #expect(CRC32C.checksum((0..<32).map(UInt8.init)) == 0x46dd_794e)
    #expect(CRC32C.checksum((0..<32).reversed().map(UInt8.init)) == 0x113f_db5c)
    #expect(CRC32C.checksum([UInt8]()) == 0)
  }

  @Test func `a masked checksum is turned by fifteen bits and moved`() {
    #expect(CRC32C.masked([UInt8]()) == 0xa282_ead8)
    // 0xe3069283 turned is 0x2507c60d.
    #expect(CRC32C.masked("123456789".utf8) == 0x2507_c60d &+ 0xa282_ead8)
  }
}
