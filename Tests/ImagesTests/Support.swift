import Foundation

/// A folder that is removed when the test is over.
final class TemporaryFolder {
  private let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func path(_ name: String) -> String { root.path + "/" + name }
  func url(_ name: String) -> URL { URL(fileURLWithPath: path(name)) }
}

private func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }

/// CRC-32 as PNG (ISO 15948, annex D) has it.
private func crc(_ bytes: [UInt8]) -> Int {
  var remainder: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    remainder ^= UInt32(byte)
    for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
  }
  return Int(~remainder)
}

private func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
  bigEndian(data.count) + Array(name.utf8) + data + bigEndian(crc(Array(name.utf8) + data))
}

/// A PNG file's first chunks, up to an IDAT of no pixels.
func pngHeader(width: Int, height: Int, depth: UInt8 = 8, color: UInt8 = 2) -> [UInt8] {
  [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]
    + chunk("IHDR", bigEndian(width) + bigEndian(height) + [depth, color, 0, 0, 0]) + chunk("IDAT", [])
}

/// A 16-bit grey PNG, its rows in stored (uncompressed) zlib blocks.
func grayPNG16(width: Int, height: Int, _ level: (Int, Int) -> (UInt8, UInt8)) -> [UInt8] {
  var stream: [UInt8] = [0x78, 0x01]
  var (a, b) = (1, 0)
  for y in 0..<height {
    var row: [UInt8] = [0]
    for x in 0..<width { row += [level(y, x).0, level(y, x).1] }
    for byte in row {
      a = (a + Int(byte)) % 65_521
      b = (b + a) % 65_521
    }
    let length = UInt16(row.count)
    stream += [y == height - 1 ? 1 : 0]
    for part in [length, ~length] { stream += [UInt8(part & 255), UInt8(part >> 8)] }
    stream += row
  }
  stream += bigEndian(b << 16 | a)
  return Array(pngHeader(width: width, height: height, depth: 16, color: 0).dropLast(12))
    + chunk("IDAT", stream) + chunk("IEND", [])
}
