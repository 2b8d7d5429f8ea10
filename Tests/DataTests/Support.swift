import EmanateAugmentations
import EmanateData
import EmanateImages
import EmanateTensors
import Foundation

/// A folder that is removed when the test is over.
final class TemporaryFolder {
  let root: String

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func path(_ name: String) -> String { root + "/" + name }

  /// The path of a name that need not be text, as C's functions take it.
  func cPath(_ name: [UInt8]) -> [CChar] { (Array(path("").utf8) + name + [0]).map { CChar(bitPattern: $0) } }

  /// Writes a file and the folders above it.
  func write(_ bytes: [UInt8], to name: String) throws {
    let url = URL(fileURLWithPath: path(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  /// Writes a 4 x 3 image whose levels follow from `number`.
  func writeImage(_ number: Int, to name: String) throws {
    let pixels = (0..<36).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0 &* 7) }
    try write(PNGEncoder().encode(Image(width: 4, height: 3, pixels: pixels)), to: name)
  }
}

/// Two groups of views whose numbers tell image, seed, epoch, sample and view.
struct Markers: ViewMaker {
  let groups = [ViewGroupShape(views: 2, side: 4), ViewGroupShape(views: 3, side: 2)]
  let mode = DataMode.exact

  func makeViews(
    of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    using workspace: inout ViewWorkspace, into rows: [UnsafeMutableBufferPointer<Float>]
  ) {
    guard case .pixels(let image) = image else { preconditionFailure("Markers: planes") }
    for (view, row) in rows.enumerated() {
      for place in row.indices {
        let level = Float(image.pixels[(place + view) % image.pixels.count])
        row[place] = level + 1_000 * Float(sample) + 100_000 * Float(epoch) + 0.25 * Float(seed)
      }
    }
  }
}

extension MultiViewBatch {
  /// Everything the batch says, to be compared.
  var content: [[Float]] { [samples.map(Float.init)] + groups.map(\.patches.array) }
}
