import EmanateImages
import Foundation
import Testing

@Suite struct ImageDecoderTests {
  @Test(arguments: goldenInputs)
  func `Every kind of PNG and JPEG gives Pillow's bytes`(_ name: String) throws {
    let image = try ImageDecoder().decode(contentsOf: "\(goldenFolder)/\(name)")
    #expect(image == (try goldenImage(stem(name) + ".ppm")))
  }

  @Test(arguments: goldenInputs.filter { $0.contains("exif") })
  func `The EXIF orientation is applied where that is asked for`(_ name: String) throws {
    let image = try ImageDecoder(orientation: .apply).decode(contentsOf: "\(goldenFolder)/\(name)")
    #expect(image == (try goldenImage(stem(name) + ".turned.ppm")))
  }

  @Test(arguments: goldenInputs)
  func `Alpha and transparent colours are laid over a background as Pillow does it`(_ name: String) throws {
    let image = try ImageDecoder(alpha: .over(goldenBackground)).decode(contentsOf: "\(goldenFolder)/\(name)")
    let over = stem(name) + ".over.ppm"
    let isOpaque = !FileManager.default.fileExists(atPath: "\(goldenFolder)/\(over)")
    #expect(isOpaque == !["color4", "color6", "trns", "key"].contains { name.contains($0) })
    #expect(image == (try goldenImage(isOpaque ? stem(name) + ".ppm" : over)))
  }

  @Test func `A file without EXIF is the same whether orientation is applied or not`() throws {
    let name = "\(goldenFolder)/jpeg-420.jpg"
    #expect(
      try ImageDecoder(orientation: .apply).decode(contentsOf: name)
        == ImageDecoder().decode(contentsOf: name))
  }

  @Test(arguments: goldenInputs)
  func `A file cut anywhere before its pixels end is an error and never a crash`(_ name: String) throws {
    let whole = try goldenBytes(name)
    var decoded = 0
    for count in 0..<whole.count {
      do {
        _ = try ImageDecoder().decode(Array(whole[..<count]))
        decoded += 1
      } catch {
        #expect(!error.reason.description.isEmpty)
      }
    }
    // A PNG lacks nothing without what follows its pixels (IEND, and here a 38-byte eXIf); a JPEG needs all
    // of it.
    #expect(decoded <= (name == "png-exif-after.png" ? 12 + 38 : name.hasSuffix(".png") ? 12 : 0))
  }

  @Test(arguments: [
    "png-color6-depth16-interlaced.png", "png-trns-palette4.png", "jpeg-420-progressive.jpg", "jpeg-ycck.jpg",
    "jpeg-exif6.jpg",
  ])
  func `A file with any byte changed gives an image or an error and never a crash`(_ name: String) throws {
    let whole = try goldenBytes(name)
    let decoder = ImageDecoder(orientation: .apply, pixelLimit: 1_000_000)
    for place in whole.indices {
      for change: UInt8 in [0x01, 0x80, 0xFF] {
        var damaged = whole
        damaged[place] ^= change
        _ = try? decoder.decode(damaged)
      }
    }
  }

  @Test func `Scaling 16-bit samples is exact for each of the 65,536 levels`() throws {
    // Rows of 256 big-endian samples, stored without compression.
    let image = try ImageDecoder().decode(grayPNG16(width: 256, height: 256) { y, x in (UInt8(y), UInt8(x)) })
    for level in 0..<65_536 {
      #expect(Int(image.pixels[level * 3]) == (level * 255 + 32_767) / 65_535)
    }
  }

  @Test func `A strip of 30,000 x 10 pixels is read`() throws {
    let color: [UInt8] = [11, 120, 203]
    let strip = Image(
      width: 30_000, height: 10, pixels: (0..<300_000).flatMap { _ in color })
    #expect(try ImageDecoder().decode(contentsOf: "\(goldenFolder)/strip-30000x10.jpg") == strip)
    #expect(try ImageDecoder().decode(PNGEncoder().encode(strip)) == strip)
  }

  @Test(arguments: [
    (4, 12, "Unsupported JPEG data precision 12"), (1, 0xC3, "Unsupported JPEG process: SOF type 0xc3"),
  ])
  func `12-bit and lossless JPEG files are refused in words`(
    _ place: Int, _ byte: UInt8, _ words: String
  ) throws {
    var file = try goldenBytes("jpeg-444.jpg")
    // The frame header: FF C0, its length, the precision.
    let frame = try #require(file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == 0xC0 })
    file[frame + place] = byte
    let error = #expect(throws: ImageDecodingError.self) { try ImageDecoder().decode(file) }
    #expect(error?.reason == .unsupported(words))
  }

  @Test func `A JPEG file of endless scans is refused before they have cost much`() throws {
    let file = try goldenBytes("jpeg-gray-progressive.jpg")
    let markers = file.indices.dropLast().filter { file[$0] == 0xFF && file[$0 + 1] != 0 }
    let first = try #require(markers.firstIndex { file[$0 + 1] == 0xDA })
    let (start, end) = (markers[first], markers[first + 1])
    // The first scan says where each block begins, and may say it again.
    func repeated(_ times: Int) throws -> Image {
      try ImageDecoder().decode(file[..<end] + (0..<times).flatMap { _ in file[start..<end] } + file[end...])
    }
    #expect(try repeated(50) == goldenImage("jpeg-gray-progressive.ppm"))
    let error = #expect(throws: ImageDecodingError.self) { try repeated(100) }
    #expect(error?.reason == .corrupt("more than 100 scans"))
  }

  @Test func `Empty, foreign and missing files are errors that name the path`() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.url("empty.png"))
    try Data("not an image".utf8).write(to: folder.url("text.jpg"))
    let empty = #expect(throws: ImageDecodingError.self) {
      try ImageDecoder().decode(contentsOf: folder.path("empty.png"))
    }
    #expect(empty?.description == folder.path("empty.png") + ": the file is empty")
    let text = #expect(throws: ImageDecodingError.self) {
      try ImageDecoder().decode(contentsOf: folder.path("text.jpg"))
    }
    #expect(text?.reason == .unknownFormat("neither a PNG nor a JPEG file"))
    let missing = #expect(throws: ImageDecodingError.self) {
      try ImageDecoder().decode(contentsOf: folder.path("none.png"))
    }
    #expect(missing?.reason == .unreadable("No such file or directory"))
    let directory = #expect(throws: ImageDecodingError.self) {
      try ImageDecoder().decode(contentsOf: folder.path(""))
    }
    #expect(directory?.reason == .unreadable("is a folder"))
  }

  @Test func `The content decides the format and names may hold anything`() throws {
    let folder = try TemporaryFolder()
    let name = " a picture\nof 'two' \"lines\" é 🙂.png"
    try Data(try goldenBytes("jpeg-444.jpg")).write(to: folder.url(name))
    #expect(try ImageDecoder().decode(contentsOf: folder.path(name)) == (try goldenImage("jpeg-444.ppm")))
  }

  @Test func `A picture past the pixel limit is refused before memory is taken`() throws {
    // 2^31 - 1 pixels wide and high: 4.6 x 10^18 pixels in 45 bytes of header.
    let bomb = pngHeader(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF)
    let error = #expect(throws: ImageDecodingError.self) { try ImageDecoder().decode(bomb) }
    #expect(
      error?.reason == .tooManyPixels(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF, limit: 100_000_000))
    let small = try goldenBytes("jpeg-444.jpg")
    #expect(throws: ImageDecodingError.self) { try ImageDecoder(pixelLimit: 45 * 37 - 1).decode(small) }
    #expect(throws: Never.self) { try ImageDecoder(pixelLimit: 45 * 37).decode(small) }
  }
}
