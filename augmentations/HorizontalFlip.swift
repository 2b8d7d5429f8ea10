import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Swaps left and right (torchvision's `RandomHorizontalFlip`).
package struct HorizontalFlip: Augmentation {
  package static let name = "flip"
  package static let defaults = ["probability": 0.5]

  package let probability: Double

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let (width, height) = (view.width, view.height)
    view.levels.withUnsafeMutableBufferPointer { emanate_mirror_rows($0.baseAddress, width, height) }
    view.note(Self.name)
  }
}
