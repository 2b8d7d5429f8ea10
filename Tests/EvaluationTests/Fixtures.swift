import EmanateImages
import EmanateKernels
import EmanateTensors
import Foundation

/// A folder that is removed when the test ends.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of something in it; folders on the way are made.
  func place(_ name: String) throws -> String {
    let url = URL(filePath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    return url.path
  }

  /// Writes images of random levels, 12 x 10 pixels.
  func writeImages(_ names: [String], seed: UInt64 = 7) throws {
    for (number, name) in names.enumerated() {
      var generator = KeyedGenerator(seed: seed, purpose: .views, number)
      let pixels = (0..<12 * 10 * 3).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      try PNGEncoder().write(Image(width: 12, height: 10, pixels: pixels), to: place(name))
    }
  }
}

/// Normal numbers, [rows, width], around a class's own center where labels are given.
func cloud(_ rows: Int, _ width: Int, seed: UInt64, labels: [Int]? = nil, spread: Double = 1) -> Tensor {
  var numbers: [Float] = []
  for row in 0..<rows {
    var noise = KeyedGenerator(seed: seed, purpose: .views, row)
    var center = KeyedGenerator(seed: 99, purpose: .weights, labels?[row] ?? 0)
    for _ in 0..<width {
      numbers.append(Float(spread * noise.normal() + (labels == nil ? 0 : 3 * center.normal())))
    }
  }
  return Tensor(numbers, [rows, width])
}
