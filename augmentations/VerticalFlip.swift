import EmanateImages
import EmanateKernels

/// Swaps top and bottom (torchvision's `RandomVerticalFlip`): for images that have no upright, as from above
/// or from a microscope.
package struct VerticalFlip: Augmentation {
  package static let name = "verticalFlip"
  package static let defaults = ["probability": 0.5]

  package let probability: Double

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let (width, height) = (view.width, view.height)
    view.levels.withUnsafeMutableBufferPointer { levels in
      for plane in 0..<3 {
        for row in 0..<height / 2 {
          let top = (plane * height + row) * width
          let bottom = (plane * height + height - 1 - row) * width
          for column in 0..<width { levels.swapAt(top + column, bottom + column) }
        }
      }
    }
    view.note(Self.name)
  }
}
