import EmanateImages
import Foundation

/// What Pillow and torchvision made, with the script beside it:
/// Tests/Golden/augmentations/make_augmentations.py.
struct Golden: Decodable {
  struct Case: Decodable, CustomStringConvertible {
    let operation, input: String
    let y, width, height: Int
    let parameters: Parameters
    var description: String { "\(operation) of \(input), \(parameters)" }
  }

  struct Parameters: Decodable {
    var filter: String?
    var box: [Float]?
    var x, y, w, h, side: Int?
    var factor, turns, radius: Double?
  }

  let normalized: [[Float]]
  let cases: [Case]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Golden/augmentations").standardized

  static let shared: Golden = {
    let data = try! Data(contentsOf: folder.appending(path: "cases.json"))
    return try! JSONDecoder().decode(Golden.self, from: data)
  }()

  static func cases(of operation: String) -> [Case] { shared.cases.filter { $0.operation == operation } }

  static func image(_ name: String) throws -> Image {
    try ImageDecoder().decode(contentsOf: folder.appending(path: name).path)
  }

  static func input(of golden: Case) throws -> Image { try image(golden.input) }

  static func result(of golden: Case) throws -> Image {
    try image("\(golden.operation).png").cropped(
      to: PixelRectangle(x: 0, y: golden.y, width: golden.width, height: golden.height))
  }
}

/// How two images differ.
struct Difference: CustomStringConvertible {
  var greatest = 0
  var values = 0
  var equal = 0
  var aboveOne = 0

  mutating func add(_ image: Image, _ golden: Image) {
    precondition(image.width == golden.width && image.height == golden.height)
    for (a, b) in zip(image.pixels, golden.pixels) {
      let difference = abs(Int(a) - Int(b))
      greatest = max(greatest, difference)
      values += 1
      equal += difference == 0 ? 1 : 0
      aboveOne += difference > 1 ? 1 : 0
    }
  }

  var description: String {
    "greatest \(greatest), equal \(Float(100 * equal) / Float(max(values, 1))) %, above one level \(aboveOne) of \(values)"
  }
}
