import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Swaps left and right (torchvision's `RandomHorizontalFlip`).
public struct HorizontalFlip: Augmentation {
  public static let name = "flip"
  public static let defaults = ["probability": 0.5]

  public let probability: Double

  public init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
  }

  public func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let (width, height) = (view.width, view.height)
    view.levels.withUnsafeMutableBufferPointer { emanate_mirror_rows($0.baseAddress, width, height) }
  }
}
