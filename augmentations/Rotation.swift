import EmanateImages
import EmanateKernels

/// Turns the view about its centre, counterclockwise, by an angle from a range (torchvision's
/// `RandomRotation` on a PIL image, nearest pixels; what comes from outside is black).
///
/// Both bounds at 90 give lightly's rotation by a right angle.
package struct Rotation: Augmentation {
  package static let name = "rotation"
  package static let defaults = ["probability": 0.5, "minimumDegrees": -30, "maximumDegrees": 30]

  package let probability: Double
  /// The range of the angle, counterclockwise.
  package let degrees: ClosedRange<Double>

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    let least = try parameters.value("minimumDegrees", in: -360...360)
    let greatest = try parameters.value("maximumDegrees", in: -360...360)
    guard least <= greatest else {
      throw InvalidParameter("minimumDegrees", mustBe: "at most maximumDegrees, \(greatest)")
    }
    degrees = least...greatest
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    let angle = generator.uniform(degrees.lowerBound, degrees.upperBound)
    Self.rotate(&view, by: angle)
    view.note("rotate \(short(angle))")
  }

  /// Turns by `degrees`, counterclockwise, as Pillow's `Image.rotate` does.
  package static func rotate(_ view: inout PlanarImage, by degrees: Double) {
    AffineMap(rotation: degrees, width: view.width, height: view.height).apply(to: &view)
  }
}
