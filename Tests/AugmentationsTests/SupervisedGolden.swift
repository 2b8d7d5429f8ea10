import EmanateAugmentations
import EmanateImages
import Foundation

/// What torchvision made of RandAugment's operations, erasing and mixing, with the script beside it:
/// Tests/Golden/augmentations/make_supervised.py.
struct SupervisedGolden: Decodable {
  struct Magnitudes: Decodable {
    let operation: String
    let bins, width, height: Int
    let isSigned: Bool
    let values: [Double]
  }

  struct Case: Decodable, CustomStringConvertible {
    let operation, input: String
    let value: Double
    let y, width, height: Int
    var description: String { "\(operation) \(value) of \(input)" }

    func result() throws -> Image {
      try Golden.image("randaugment-\(operation).png").cropped(
        to: PixelRectangle(x: 0, y: y, width: width, height: height))
    }
  }

  struct Erased: Decodable {
    let width, height, w, h: Int
    let share, ratio: Double
  }

  let magnitudes: [Magnitudes]
  let cases: [Case]
  let erased: [Erased]

  static let shared: SupervisedGolden = {
    let data = try! Data(contentsOf: Golden.folder.appending(path: "supervised.json"))
    return try! JSONDecoder().decode(SupervisedGolden.self, from: data)
  }()
}
