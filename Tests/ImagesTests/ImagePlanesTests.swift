import EmanateImages
import Foundation
import Testing
import TestSupport

@Suite("ImagePlanes")
struct ImagePlanesTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: goldenPath("planes/\(name).jpg"))))
  }

  @Test(
    "Luma and chroma as a file stores them give libjpeg's pixels, bit for bit",
    arguments: ["444", "422", "420", "440", "gray", "progressive"])
  func pixels(name: String) throws {
    let file = try bytes("photograph-\(name)")
    let planes = try #require(try ImageDecoder().decodePlanes(file))
    #expect(planes.colors == (name == "gray" ? .gray : .yCbCr))
    #expect(planes.shareOutsideGamut < 0.02)
    let image = try ImageDecoder().decode(file)
    let rgb = planes.rgb
    if name == "gray" {
      let plane = planes.planes[0]
      let levels = (0..<151).flatMap { planes.levels[$0 * plane.rowBytes..<$0 * plane.rowBytes + 213] }
      #expect(levels == stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] })
    } else {
      #expect(rgb == ImagePlanes(image))
    }
    let chroma = planes.planes.dropFirst().first
    #expect(chroma?.halvesColumns ?? false == ["422", "420", "progressive"].contains(name))
    #expect(chroma?.halvesRows ?? false == ["440", "420", "progressive"].contains(name))
  }

  @Test("Every golden JPEG file comes as planes with the pixels of its decoding")
  func golden() throws {
    let folder = goldenPath("images")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".jpg") }
    var count = 0
    for name in names {
      let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
      for orientation in ImageDecoder.Orientation.allCases {
        let decoder = ImageDecoder(orientation: orientation)
        guard let image = try? decoder.decode(file) else {
          #expect(throws: ImageDecodingError.self, "\(name)") { try decoder.decodePlanes(file) }
          continue
        }
        guard let planes = try decoder.decodePlanes(file) else { continue }
        count += 1
        #expect(planes.width == image.width && planes.height == image.height, "\(name)")
        if planes.colors != .gray { #expect(planes.rgb == ImagePlanes(image), "\(name)") }
      }
    }
    #expect(count > 20)
  }

  @Test("Colours that leave the gamut are clipped before they are resampled")
  func saturated() throws {
    let file = try bytes("saturated")
    let planes = try #require(try ImageDecoder().decodePlanes(file))
    #expect(planes.colors == .rgb)
    #expect(planes == ImagePlanes(try ImageDecoder().decode(file)))
  }

  @Test("Truncated files are errors, wherever they end")
  func truncated() throws {
    for name in ["photograph-420", "photograph-gray", "photograph-progressive"] {
      let file = try bytes(name)
      for count in [0, 2, 20, 200, file.count / 3, file.count - 40] {
        #expect(throws: ImageDecodingError.self, "\(name), \(count) bytes") {
          try ImageDecoder().decodePlanes(Array(file.prefix(count)))
        }
      }
    }
  }

  @Test("Too many pixels are refused before memory is taken")
  func limit() throws {
    let decoder = ImageDecoder(pixelLimit: 1000)
    let file = try bytes("photograph-420")
    #expect(throws: ImageDecodingError.self) { try decoder.decodePlanes(file) }
  }
}
