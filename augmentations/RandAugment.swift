import EmanateImages
import EmanateKernels

/// Applies a few operations of a list, each chosen by chance, all of one magnitude (Cubuk et al. 2020,
/// "RandAugment", arXiv:1909.13719; torchvision's `RandAugment` on a PIL image, nearest pixels, black from
/// outside).
package struct RandAugment: Augmentation {
  package static let name = "randaugment"
  package static let defaults = ["probability": 1.0, "operations": 2, "magnitude": 9, "bins": 31]

  package let probability: Double
  /// How many operations follow each other; one may come twice.
  package let operations: Int
  /// The magnitude, a whole number below `bins`.
  package let magnitude: Int
  /// How many magnitudes there are.
  package let bins: Int

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    operations = try parameters.whole("operations", in: 0...100)
    bins = try parameters.whole("bins", in: 2...1000)
    magnitude = try parameters.whole("magnitude", in: 0...bins - 1)
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    for _ in 0..<operations {
      let operation = Operation.allCases[generator.index(below: Operation.allCases.count)]
      var value = operation.value(magnitude, of: bins, width: view.width, height: view.height)
      if operation.isSigned && generator.happens(0.5) { value = -value }
      operation.apply(value, to: &view)
      view.note(operation.note(value))
    }
  }

  /// What may happen, in torchvision's order.
  package enum Operation: String, CaseIterable, Sendable {
    case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness
    case posterize, solarize, autocontrast, equalize

    /// Whether a value's sign is drawn.
    package var isSigned: Bool {
      switch self {
      case .identity, .posterize, .solarize, .autocontrast, .equalize: false
      default: true
      }
    }

    /// The value of a magnitude: a slope, pixels, degrees, a change of a factor, bits or a threshold.
    ///
    /// In single precision where PyTorch's `linspace` has it: a translation is truncated to pixels.
    package func value(_ magnitude: Int, of bins: Int, width: Int, height: Int) -> Double {
      func spaced(_ start: Float, _ end: Float) -> Double {
        let step = (end - start) / Float(bins - 1)
        // Rounded once from the end backwards: PyTorch's loop has a fused multiply-add there.
        return Double(
          magnitude < bins / 2
            ? start + step * Float(magnitude) : end.addingProduct(-step, Float(bins - 1 - magnitude)))
      }
      switch self {
      case .identity, .autocontrast, .equalize: return 0
      case .shearX, .shearY: return spaced(0, 0.3)
      case .translateX: return spaced(0, Float(150.0 / 331 * Double(width)))
      case .translateY: return spaced(0, Float(150.0 / 331 * Double(height)))
      case .rotate: return spaced(0, 30)
      case .brightness, .color, .contrast, .sharpness: return spaced(0, 0.9)
      case .posterize:
        return Double(8 - (Float(magnitude) / Float(Double(bins - 1) / 4)).rounded(.toNearestOrEven))
      case .solarize: return spaced(255, 0)
      }
    }

    /// Changes the view as torchvision and Pillow do.
    package func apply(_ value: Double, to view: inout PlanarImage) {
      switch self {
      case .identity: break
      case .shearX: move(&view) { $0.b = value }
      case .shearY: move(&view) { $0.d = value }
      case .translateX: move(&view) { $0.c = -value.rounded(.towardZero) }
      case .translateY: move(&view) { $0.f = -value.rounded(.towardZero) }
      case .rotate: Rotation.rotate(&view, by: value)
      case .brightness: ColorJitter.adjustBrightness(&view, by: 1 + value)
      case .color: ColorJitter.adjustSaturation(&view, by: 1 + value)
      case .contrast: ColorJitter.adjustContrast(&view, by: 1 + value)
      case .sharpness: view.sharpen(by: 1 + value)
      case .posterize: view.posterize(bits: Int(value))
      case .solarize: Solarize.solarize(&view, threshold: value)
      case .autocontrast: view.stretchContrast()
      case .equalize: view.equalize()
      }
    }

    private func move(_ view: inout PlanarImage, _ change: (inout AffineMap) -> Void) {
      var map = AffineMap()
      change(&map)
      map.apply(to: &view)
    }

    /// The operation with its value as contact sheets name it.
    func note(_ value: Double) -> String {
      switch self {
      case .identity, .autocontrast, .equalize: rawValue
      case .brightness, .color, .contrast, .sharpness: "\(rawValue) \(short(1 + value))"
      case .translateX, .translateY: "\(rawValue) \(Int(value))"
      case .posterize: "posterize \(Int(value)) bits"
      case .shearX, .shearY, .rotate, .solarize: "\(rawValue) \(short(value))"
      }
    }
  }
}
