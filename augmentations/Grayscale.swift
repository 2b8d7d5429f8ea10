import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Replaces all three channels by Pillow's `L`, (19595 R + 38470 G + 7471 B + 32768) / 65536 rounded down.
package struct Grayscale: Augmentation {
  package static let name = "grayscale"
  package static let defaults = ["probability": 0.2]

  package let probability: Double

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let count = view.count
    view.levels.withUnsafeMutableBufferPointer { emanate_to_gray($0.baseAddress, count) }
    view.note(Self.name)
  }
}
