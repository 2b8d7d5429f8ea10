import Emanate
import Foundation
import Testing

/// What tests of classifiers from the outside share: two classes that even a tiny network tells apart.
enum TwoClasses {
  /// Dark and light pictures of 16 pixels in `train` and `test` of a folder that is there while `body` runs, ten of each
  /// to learn from.
  static func inFolder(testing count: Int, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (part, count) in [("train", 10), ("test", count)] {
      for (place, name) in ["dark", "light"].enumerated() {
        let path = "\(folder.path)/\(part)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for number in 0..<count {
          let pixels = (0..<16 * 16 * 3).map { UInt8(($0 * 37 + number * 11) % 60 + place * 120) }
          try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(path)/\(number).png")
        }
      }
    }
    try body(folder.path)
  }

  /// Settings of a thin network and a short training.
  static func quick(channels: Int, steps: Int = 16, batchSize: Int = 4) -> [String] {
    [
      "network.channels=\(channels)", "network.stem=cifar", "training.steps=\(steps)",
      "training.batchSize=\(batchSize)", "training.learningRate=0.3", "training.warmupEpochs=0",
    ].flatMap { ["--set", $0] }
  }
}

extension Program {
  /// The JSON object that a successful run writes.
  static func object(_ arguments: [String], in folder: String) throws -> [String: Any] {
    let outcome = try run(arguments, in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }
}
