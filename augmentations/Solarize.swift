import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Inverts the levels that reach a threshold (Pillow's `ImageOps.solarize`).
package struct Solarize: Augmentation {
  package static let name = "solarize"
  package static let defaults = ["probability": 0.2, "threshold": 128]

  package let probability: Double
  /// Levels from here on are inverted, 0...256.
  package let threshold: Double

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    threshold = try parameters.value("threshold", in: 0...256)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    Self.solarize(&view, threshold: threshold)
    view.note("solarize \(short(threshold))")
  }

  /// Inverts levels of `threshold` (0...256) and above.
  package static func solarize(_ view: inout PlanarImage, threshold: Double) {
    view.levels.withUnsafeMutableBufferPointer {
      emanate_solarize($0.baseAddress, $0.count, Int32(threshold.rounded(.up)))
    }
  }
}
