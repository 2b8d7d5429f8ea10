import EmanateImages
import Foundation

/// Golden files: make_images.py made them with Pillow.
let goldenFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Golden/images").path

/// Files that a picture stands beside.
let goldenInputs = try! FileManager.default.contentsOfDirectory(atPath: goldenFolder)
  .filter { $0.hasPrefix("png-") && $0.hasSuffix(".png") || $0.hasPrefix("jpeg-") && $0.hasSuffix(".jpg") }
  .sorted()

/// What the pictures of `.over.ppm` lie on.
let goldenBackground = Color(red: 200, green: 30, blue: 90)

func goldenBytes(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(goldenFolder)/\(name)")))
}

/// A binary PPM file: "P6\nwidth height\n255\n" and the pixels.
func goldenImage(_ name: String) throws -> Image {
  let file = try goldenBytes(name)
  let header = file.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
  let sizes = String(decoding: header[1], as: UTF8.self).split(separator: " ").map { Int($0)! }
  return Image(width: sizes[0], height: sizes[1], pixels: Array(header[3]))
}

func stem(_ name: String) -> String { String(name.dropLast(4)) }
