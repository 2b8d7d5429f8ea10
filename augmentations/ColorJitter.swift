import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Changes brightness, contrast, saturation and hue by random amounts in random order (torchvision's
/// `ColorJitter` on a PIL image).
package struct ColorJitter: Augmentation {
  package static let name = "jitter"
  package static let defaults = [
    "probability": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1,
  ]

  package let probability: Double
  /// Factors are uniform in max(0, 1 - b)...1 + b; 0 is off.
  package let brightness, contrast, saturation: Double
  /// The hue's shift is uniform in -h...h turns; 0 is off.
  package let hue: Double

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    brightness = try parameters.value("brightness", in: 0...10)
    contrast = try parameters.value("contrast", in: 0...10)
    saturation = try parameters.value("saturation", in: 0...10)
    hue = try parameters.value("hue", in: 0...0.5)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let order = generator.permutation(4)
    let byBrightness = generator.uniform(max(0, 1 - brightness), 1 + brightness)
    let byContrast = generator.uniform(max(0, 1 - contrast), 1 + contrast)
    let bySaturation = generator.uniform(max(0, 1 - saturation), 1 + saturation)
    let byHue = generator.uniform(-hue, hue)
    for operation in order {
      switch operation {
      case 0 where brightness > 0:
        Self.adjustBrightness(&view, by: byBrightness)
        view.note("brightness \(short(byBrightness))")
      case 1 where contrast > 0:
        Self.adjustContrast(&view, by: byContrast)
        view.note("contrast \(short(byContrast))")
      case 2 where saturation > 0:
        Self.adjustSaturation(&view, by: bySaturation)
        view.note("saturation \(short(bySaturation))")
      case 3 where hue > 0:
        Self.rotateHue(&view, by: byHue)
        view.note("hue \(short(byHue))")
      default: break
      }
    }
  }

  /// Mixes with black: 0 is black, 1 no change.
  package static func adjustBrightness(_ view: inout PlanarImage, by factor: Double) {
    view.levels.withUnsafeMutableBufferPointer {
      emanate_blend_constant($0.baseAddress, $0.count, 0, Float(factor))
    }
  }

  /// Mixes with the mean of the grey levels: 0 is that grey, 1 no change.
  package static func adjustContrast(_ view: inout PlanarImage, by factor: Double) {
    let count = view.count
    view.levels.withUnsafeMutableBufferPointer {
      let mean = Int32(Double(emanate_gray_sum($0.baseAddress, count)) / Double(count) + 0.5)
      emanate_blend_constant($0.baseAddress, $0.count, mean, Float(factor))
    }
  }

  /// Mixes each pixel with its grey: 0 is grey, 1 no change.
  package static func adjustSaturation(_ view: inout PlanarImage, by factor: Double) {
    let count = view.count
    view.levels.withUnsafeMutableBufferPointer { emanate_blend_gray($0.baseAddress, count, Float(factor)) }
  }

  /// Adds `turns` to the hue in Pillow's 8-bit HSV, truncated towards 0 to 1/255 as torchvision does.
  package static func rotateHue(_ view: inout PlanarImage, by turns: Double) {
    let count = view.count
    let shift = UInt8(truncatingIfNeeded: Int(turns * 255))
    view.levels.withUnsafeMutableBufferPointer { emanate_rotate_hue($0.baseAddress, count, shift) }
  }
}
