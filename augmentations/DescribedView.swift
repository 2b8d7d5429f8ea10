import EmanateImages

/// A view and how it came about: what contact sheets show.
public struct DescribedView: Sendable, Equatable {
  /// The view before normalisation.
  public let image: Image
  /// The part of the image that it shows, in the image's pixels.
  public let crop: PixelRectangle
  /// What the augmentations did, in order: "flip", "brightness 1.21", "hue -.03".
  public let applied: [String]

  /// A view, where it comes from, and what was done to it.
  public init(image: Image, crop: PixelRectangle, applied: [String]) {
    self.image = image
    self.crop = crop
    self.applied = applied
  }
}

/// A number as notes have it: two digits after the point at most and no 0 before it (1.21, -.03, 9).
func short(_ value: Double) -> String {
  let hundredths = Int((value.magnitude * 100).rounded())
  let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
  var text = rest == 0 ? "" : rest % 10 == 0 ? ".\(rest / 10)" : rest < 10 ? ".0\(rest)" : ".\(rest)"
  if whole > 0 || rest == 0 { text = "\(whole)" + text }
  return value < 0 && hundredths > 0 ? "-" + text : text
}
