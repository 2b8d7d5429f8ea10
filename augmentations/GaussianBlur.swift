import CEmanateKernels
import EmanateImages
import EmanateKernels

/// Pillow's `GaussianBlur` with a radius drawn from a range: three box blurs along each axis, within 2 levels
/// of Pillow's.
package struct GaussianBlur: Augmentation {
  package static let name = "blur"
  package static let defaults = ["probability": 0.5, "minimumRadius": 0.1, "maximumRadius": 2]

  package let probability: Double
  /// The range of the radius, the Gaussian's standard deviation in pixels of the view.
  package let radii: ClosedRange<Double>

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    let smallest = try parameters.value("minimumRadius", in: 0...100)
    let largest = try parameters.value("maximumRadius", in: 0...100)
    guard smallest <= largest else {
      throw InvalidParameter("minimumRadius", mustBe: "at most maximumRadius, \(largest)")
    }
    radii = smallest...largest
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let radius = generator.uniform(radii.lowerBound, radii.upperBound)
    Self.blur(&view, radius: radius)
    view.note("blur \(short(radius))")
  }

  /// Blurs with a Gaussian of standard deviation `radius` pixels.
  package static func blur(_ view: inout PlanarImage, radius: Double) {
    let box = boxRadius(Float(radius))
    let (width, height) = (view.width, view.height)
    view.withScratch(emanate_box_blur_scratch(width, height)) { levels, scratch in
      for channel in 0..<3 {
        emanate_box_blur(levels + channel * width * height, width, height, box, scratch)
      }
    }
  }

  /// The radius of three box blurs that together have a Gaussian's variance, in pixels, not whole.
  ///
  /// Gwosdek et al. 2011, "Theoretical foundations of Gaussian convolution by extended box filtering", eqs.
  /// 11 and 14; single precision where Pillow's BoxBlur.c has it.
  package static func boxRadius(_ radius: Float) -> Float {
    let variance = radius * radius / 3
    let length = Float((12.0 * Double(variance) + 1.0).squareRoot())
    let whole = Float(((Double(length) - 1.0) / 2.0).rounded(.down))
    var rest = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance)
    rest /= 6 * (variance - (whole + 1) * (whole + 1))
    return whole + rest
  }
}
