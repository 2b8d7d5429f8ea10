import EmanateImages
import EmanateKernels

/// Fills a random rectangle with the mean colour (Zhong et al. 2020, "Random Erasing Data Augmentation",
/// arXiv:1708.04896; torchvision's `RandomErasing` with its default value of 0).
///
/// torchvision writes 0 after normalisation. Here the view still has 8-bit levels and the rectangle gets the
/// recipe's mean, rounded: after normalisation that is 0 to within half a level, 0.009 for ImageNet's
/// deviations.
package struct RandomErasing: Augmentation {
  package static let name = "erasing"
  package static let defaults = [
    "probability": 0.5, "minimumArea": 0.02, "maximumArea": 0.33, "minimumRatio": 0.3, "maximumRatio": 3.3,
  ]

  package let probability: Double
  /// Share of the view's area, 0...1.
  package let area: ClosedRange<Double>
  /// Height over width; log-uniform.
  package let ratio: ClosedRange<Double>
  /// Red, green and blue to fill with.
  package private(set) var fill: [UInt8]

  package init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    let (smallest, largest) = (
      try parameters.value("minimumArea", in: 0...1), try parameters.value("maximumArea", in: 0...1)
    )
    guard smallest <= largest else {
      throw InvalidParameter("minimumArea", mustBe: "at most maximumArea, \(largest)")
    }
    let (flattest, steepest) = (
      try parameters.value("minimumRatio", in: 0.001...1000),
      try parameters.value("maximumRatio", in: 0.001...1000)
    )
    guard flattest <= steepest else {
      throw InvalidParameter("minimumRatio", mustBe: "at most maximumRatio, \(steepest)")
    }
    (area, ratio) = (smallest...largest, flattest...steepest)
    fill = Self.levels(Normalization.imageNet.mean)
  }

  package func adapted(to normalization: Normalization) -> RandomErasing {
    var adapted = self
    adapted.fill = Self.levels(normalization.mean)
    return adapted
  }

  package func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    guard let rectangle = rectangle(width: view.width, height: view.height, using: &generator) else { return }
    Self.erase(rectangle, of: &view, fill: fill)
    view.note("erase \(rectangle.width) x \(rectangle.height)")
  }

  /// A rectangle that is smaller than the view either way, or nil if ten draws give none.
  package func rectangle(
    width: Int, height: Int, using generator: inout KeyedGenerator
  ) -> PixelRectangle? {
    let (flattest, steepest) = (logarithm(ratio.lowerBound), logarithm(ratio.upperBound))
    for _ in 0..<10 {
      let share = generator.uniform(area.lowerBound, area.upperBound)
      let aspect = exponential(generator.uniform(flattest, steepest))
      let (w, h) = Self.size(share: share, ratio: aspect, width: width, height: height)
      if w < width && h < height {
        let y = generator.index(below: height - h + 1)
        let x = generator.index(below: width - w + 1)
        return PixelRectangle(x: x, y: y, width: w, height: h)
      }
    }
    return nil
  }

  /// Pixels of a rectangle of a share of the view's area and a ratio of height to width, rounded as
  /// torchvision does.
  package static func size(
    share: Double, ratio: Double, width: Int, height: Int
  ) -> (width: Int, height: Int) {
    let area = Double(width * height) * share
    return (
      Int((area / ratio).squareRoot().rounded(.toNearestOrEven)),
      Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
    )
  }

  /// Fills a rectangle with red, green and blue.
  package static func erase(_ rectangle: PixelRectangle, of view: inout PlanarImage, fill: [UInt8]) {
    for plane in 0..<3 {
      for row in rectangle.y..<rectangle.y + rectangle.height {
        let start = (plane * view.height + row) * view.width + rectangle.x
        for place in start..<start + rectangle.width { view.levels[place] = fill[plane] }
      }
    }
  }

  private static func levels(_ mean: [Double]) -> [UInt8] {
    mean.map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) }
  }
}
