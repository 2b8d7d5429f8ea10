import CEmanateCodecs
import EmanateImages
import Foundation
import Testing

/// What one of the two ways of reading a PNG gave.
private struct Outcome: Equatable {
  var status: Int32
  var pixels: [UInt8] = []
  var message = ""
}

/// The header as the caller of a decoder has it; nil where it is refused.
private func header(_ file: [UInt8]) -> emanate_image_header? {
  var header = emanate_image_header()
  return emanate_image_read_header(file, file.count, &header) == EMANATE_CODEC_DONE ? header : nil
}

private typealias Decode = (
  [UInt8], Int, UnsafeMutablePointer<emanate_image_header>, [UInt8]?, UnsafeMutablePointer<UInt8>
) -> Int32

private func outcome(_ file: [UInt8], over background: [UInt8]?, _ decode: Decode) -> Outcome? {
  guard var header = header(file) else { return nil }
  var pixels = [UInt8](repeating: 0, count: Int(header.width) * Int(header.height) * 3)
  let status = decode(file, file.count, &header, background, &pixels)
  guard status != EMANATE_CODEC_DONE else { return Outcome(status: status, pixels: pixels) }
  let message = withUnsafeBytes(of: header.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  return Outcome(status: status, message: message)
}

private func decoded(_ file: [UInt8], over background: [UInt8]? = nil) -> Outcome? {
  outcome(file, over: background) { emanate_image_decode($0, $1, $2, $3, $4) }
}

private func byLibpng(_ file: [UInt8], over background: [UInt8]? = nil) -> Outcome? {
  outcome(file, over: background) { emanate_png_decode_by_libpng($0, $1, $2, $3, $4) }
}

private func isReadPlainly(_ file: [UInt8], over background: [UInt8]? = nil) -> Bool {
  outcome(file, over: background) { emanate_png_decode_plain($0, $1, $2, $3, $4) }?.status == 1
}

/// A 2 x 2 picture, its rows not filtered.
private let rows: [[UInt8]] = [[0, 10, 20, 30, 40, 50, 60], [0, 70, 80, 90, 100, 110, 120]]

private func file(_ rows: [[UInt8]], then more: [[UInt8]] = []) -> [UInt8] {
  pngFile(width: 2, height: 2, [chunk("IDAT", storedStream(rows))] + more + [chunk("IEND", [])])
}

@Suite struct PNGRouteTests {
  @Test(arguments: goldenInputs.filter { $0.hasSuffix(".png") })
  func `Files of 8 bits or a palette are read plainly unless interlaced, with libpng's pixels`(
    _ name: String
  ) throws {
    let file = try goldenBytes(name)
    let (depth, color, isInterlaced) = (file[24], file[25], file[28] != 0)
    let isPlain = !isInterlaced && (depth == 8 || color == 3)
    #expect(isReadPlainly(file) == isPlain)
    #expect(decoded(file) == byLibpng(file))
    // A transparent colour is found by libpng.
    let background: [UInt8] = [200, 30, 90]
    let hasKey = color != 3 && (name.contains("key") || name.contains("trns"))
    #expect(isReadPlainly(file, over: background) == (isPlain && !hasKey))
    #expect(decoded(file, over: background) == byLibpng(file, over: background))
  }

  @Test func `What is wrong with a file is said by libpng and costs no sound pixel`() throws {
    var badFilter = rows
    badFilter[1][0] = 5
    let sound = file(rows)
    let data = storedStream(rows)
    let cut = data.count / 2
    func with(_ chunks: [[UInt8]]) -> [UInt8] { pngFile(width: 2, height: 2, chunks) }
    func paletted(_ chunks: [[UInt8]]) -> [UInt8] {
      pngFile(width: 2, height: 1, color: 3, chunks + [chunk("IDAT", storedStream([[0, 0, 1]]))])
    }
    var badCRC = sound
    badCRC[sound.count - 13] ^= 1
    // The words are libpng's; nil where the picture is whole.
    let cases: [(file: [UInt8], words: String?)] = [
      (file(badFilter), "bad adaptive filter value"),
      (file([rows[0]]), "Not enough image data"),
      (file([rows[0], Array(rows[1].dropLast())]), "Not enough image data"),
      (file(rows + rows), nil),
      (file(rows, then: [chunk("IDAT", [1, 2, 3])]), nil),
      (with([chunk("IDAT", Array(data.dropLast(4)) + [1, 2, 3, 4])]), "IDAT: incorrect data check"),
      (
        with([chunk("IDAT", Array(data[..<cut])), chunk("tEXt", []), chunk("IDAT", Array(data[cut...]))]),
        "Not enough image data"
      ),
      (with([chunk("IDAT", Array(data[..<cut]))]), "the file ends too early"),
      (badCRC, "IDAT: CRC error"),
      (with([chunk("ABCD", []), chunk("IDAT", data)]), "ABCD: unhandled critical chunk"),
      (paletted([]), "IDAT: Missing PLTE before IDAT"),
      (paletted([chunk("PLTE", [1, 2, 3, 4])]), "PLTE: invalid"),
      (paletted([chunk("PLTE", [1, 2, 3]), chunk("PLTE", [4, 5, 6])]), "PLTE: duplicate"),
    ]
    let picture = rows.flatMap { $0.dropFirst() }
    for (file, words) in cases {
      var reason: ImageDecodingError.Reason?
      do {
        let pixels = try ImageDecoder().decode(file).pixels
        #expect(pixels == picture)
      } catch {
        reason = error.reason
      }
      #expect(reason == words.map { .corrupt($0) })
      #expect(decoded(file) == byLibpng(file))
    }
  }

  /// The sample: each of them costs milliseconds.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/openclipart/png")))
  func `Clip art that is installed gives libpng's pixels`() throws {
    let root = "/usr/share/openclipart/png"
    let names = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".png") }
      .sorted()
    for name in stride(from: 0, to: names.count, by: 61).map({ names[$0] }) {
      guard let data = FileManager.default.contents(atPath: "\(root)/\(name)") else { continue }
      let file = [UInt8](data)
      guard let header = header(file), Int(header.width) * Int(header.height) < 2_000_000 else { continue }
      for background: [UInt8]? in [nil, [255, 255, 255]] {
        #expect(decoded(file, over: background) == byLibpng(file, over: background), "\(name)")
      }
    }
  }
}
