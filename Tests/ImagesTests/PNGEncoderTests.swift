import EmanateImages
import Foundation
import Testing

@Suite struct PNGEncoderTests {
  @Test(arguments: [(1, 1), (3, 7), (200, 113)])
  func `An image written and read again is the same`(_ width: Int, _ height: Int) throws {
    let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    let image = Image(width: width, height: height, pixels: pixels)
    for level in [0, 6, 9] {
      #expect(try ImageDecoder().decode(PNGEncoder(level: level).encode(image)) == image)
    }
  }

  @Test func `Grey levels come back in all three channels`() throws {
    let levels: [UInt8] = [0, 1, 127, 128, 254, 255]
    let image = try ImageDecoder().decode(PNGEncoder().encodeGray(levels, width: 3, height: 2))
    #expect(image == Image(width: 3, height: 2, pixels: levels.flatMap { [$0, $0, $0] }))
  }

  @Test func `Writing where no folder is gives an error with the path`() throws {
    let folder = try TemporaryFolder()
    let image = Image(repeating: 7, width: 2, height: 2)
    #expect(throws: ImageWritingError.self) {
      try PNGEncoder().write(image, to: folder.path("no/such/folder.png"))
    }
    try PNGEncoder().write(image, to: folder.path("a.png"))
    #expect(try ImageDecoder().decode(contentsOf: folder.path("a.png")) == image)
  }
}
