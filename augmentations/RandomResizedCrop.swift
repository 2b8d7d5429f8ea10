import EmanateImages
import EmanateKernels

/// Draws the rectangle of torchvision's `RandomResizedCrop`: a share of the image's area and an aspect ratio.
///
/// Ten tries; if none fits, the largest centred rectangle whose ratio is allowed. Ratios are log-uniform.
public struct RandomResizedCrop: Sendable, Equatable {
  /// Share of the image's area, 0...1.
  public let area: ClosedRange<Double>
  /// Width over height.
  public let ratio: ClosedRange<Double>

  /// A crop of the given areas and ratios.
  public init(area: ClosedRange<Double>, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3) {
    self.area = area
    self.ratio = ratio
  }

  /// A rectangle inside an image of `width` x `height` pixels.
  public func rectangle(width: Int, height: Int, using generator: inout KeyedGenerator) -> PixelRectangle {
    let pixels = Double(width * height)
    let (narrowest, widest) = (logarithm(ratio.lowerBound), logarithm(ratio.upperBound))
    for _ in 0..<10 {
      let target = pixels * generator.uniform(area.lowerBound, area.upperBound)
      let aspect = exponential(generator.uniform(narrowest, widest))
      let w = Int((target * aspect).squareRoot().rounded(.toNearestOrEven))
      let h = Int((target / aspect).squareRoot().rounded(.toNearestOrEven))
      if w > 0 && w <= width && h > 0 && h <= height {
        let y = generator.index(below: height - h + 1)
        let x = generator.index(below: width - w + 1)
        return PixelRectangle(x: x, y: y, width: w, height: h)
      }
    }
    var (w, h) = (width, height)
    let aspect = Double(width) / Double(height)
    if aspect < ratio.lowerBound {
      h = Int((Double(w) / ratio.lowerBound).rounded(.toNearestOrEven))
    } else if aspect > ratio.upperBound {
      w = Int((Double(h) * ratio.upperBound).rounded(.toNearestOrEven))
    }
    w = max(w, 1)
    h = max(h, 1)
    return PixelRectangle(x: (width - w) / 2, y: (height - h) / 2, width: w, height: h)
  }
}
