import EmanateAugmentations
import EmanateImages
import Testing

@Suite("Evaluation's view")
struct EvaluationTransformTests {
  @Test(
    "Of a strip only the middle is resized, and it is the middle of the whole",
    arguments: [(600, 20), (20, 601), (4_001, 9), (7, 900), (300, 2), (1, 33), (1, 1_000)])
  func strips(width: Int, height: Int) {
    let image = noise(width: width, height: height)
    let short = 9
    let long = Int(Double(short * max(width, height)) / Double(min(width, height)))
    #expect(long > 16 * 8, "an image that is resized as a whole shows nothing here")
    let (w, h) = width < height ? (short, long) : (long, short)
    let whole = image.resized(width: w, height: h)
    let corner = (
      x: (Double(w - 8) / 2).rounded(.toNearestOrEven), y: (Double(h - 8) / 2).rounded(.toNearestOrEven)
    )
    let expected = whole.cropped(to: PixelRectangle(x: Int(corner.x), y: Int(corner.y), width: 8, height: 8))
    let view = EvaluationTransform(side: 8).prepared(image)
    let differences = zip(view.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
    // Of a tall strip the rows are resized first as a whole, the columns first in the middle: on noise that shows.
    #expect(differences.max()! <= (width > height ? 1 : 8))
    #expect(differences.count { $0 > 0 } <= (width > height ? 4 : 64))
  }

  @Test("The short side is resized to the side over the crop, 256 for 224 if nothing is said")
  func crop() {
    let image = noise(width: 40, height: 30)
    for (side, crop, short) in [(28, 1.0, 28), (28, 0.875, 32), (20, 0.9, 22), (224, 0.875, 256)] {
      let whole = image.resized(width: short * 40 / 30, height: short)
      let rest = (x: Double(short * 40 / 30 - side) / 2, y: Double(short - side) / 2)
      let expected = whole.cropped(
        to: PixelRectangle(
          x: Int(rest.x.rounded(.toNearestOrEven)), y: Int(rest.y.rounded(.toNearestOrEven)), width: side,
          height: side))
      let transform = EvaluationTransform(side: side, ImagePreparation(.imageNet, crop: crop))
      #expect(transform.prepared(image) == expected)
    }
    // The share and the fraction of whole numbers give the same short side everywhere.
    for side in 1...4096 { #expect(Int(Double(side) / ImagePreparation.usualCrop) == side * 256 / 224) }
  }

  @Test("A strip whose whole would be 12 gigabytes takes no more time or memory than another")
  func longStrip() {
    let view = EvaluationTransform(side: 224).prepared(Image(repeating: 7, width: 65_000, height: 1))
    #expect(view == Image(repeating: 7, width: 224, height: 224))
  }
}
