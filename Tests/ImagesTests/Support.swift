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

func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
  bigEndian(data.count) + Array(name.utf8) + data + bigEndian(crc(Array(name.utf8) + data))
}

/// A PNG file's first chunks, up to an IDAT of no pixels.
func pngHeader(width: Int, height: Int, depth: UInt8 = 8, color: UInt8 = 2) -> [UInt8] {
  pngFile(width: width, height: height, depth: depth, color: color, [chunk("IDAT", [])])
}

/// A PNG file of the given chunks after its header.
func pngFile(width: Int, height: Int, depth: UInt8 = 8, color: UInt8 = 2, _ chunks: [[UInt8]]) -> [UInt8] {
  [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]
    + chunk("IHDR", bigEndian(width) + bigEndian(height) + [depth, color, 0, 0, 0]) + chunks.joined()
}

/// A zlib stream of `rows`, a stored (uncompressed) block each.
func storedStream(_ rows: [[UInt8]]) -> [UInt8] {
  var stream: [UInt8] = [0x78, 0x01]
  var (a, b) = (1, 0)
  for (y, row) in rows.enumerated() {
    for byte in row {
      a = (a + Int(byte)) % 65_521
      b = (b + a) % 65_521
    }
    let length = UInt16(row.count)
    stream += [y == rows.count - 1 ? 1 : 0]
    for part in [length, ~length] { stream += [UInt8(part & 255), UInt8(part >> 8)] }
    stream += row
  }
  return stream + bigEndian(b << 16 | a)
}

/// A 16-bit grey PNG, its rows stored without compression.
func grayPNG16(width: Int, height: Int, _ level: (Int, Int) -> (UInt8, UInt8)) -> [UInt8] {
  let rows = (0..<height).map { y -> [UInt8] in
    [0] + (0..<width).flatMap { x in [level(y, x).0, level(y, x).1] }
  }
  return pngFile(
    width: width, height: height, depth: 16, color: 0, [chunk("IDAT", storedStream(rows)), chunk("IEND", [])])
}
