import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

@Suite("Random resized crop")
struct RandomResizedCropTests {
  @Test("Rectangles lie inside, with area and ratio in range, spread evenly")
  func distribution() {
    let crop = RandomResizedCrop(area: 0.05...0.4)
    let (width, height, count) = (500, 375, 4000)
    var below = 0
    var wide = 0
    var left = 0
    for sample in 0..<count {
      var generator = KeyedGenerator(seed: 0, purpose: .views, sample)
      let r = crop.rectangle(width: width, height: height, using: &generator)
      #expect(r.x >= 0 && r.y >= 0 && r.x + r.width <= width && r.y + r.height <= height)
      let area = Double(r.width * r.height) / Double(width * height)
      let ratio = Double(r.width) / Double(r.height)
      // Sides are rounded to whole pixels
      #expect(area > 0.05 * 0.97 && area < 0.4 * 1.03)
      #expect(ratio > 0.75 * 0.98 && ratio < 4.0 / 3 * 1.02)
      below += area < 0.225 ? 1 : 0
      wide += ratio > 1 ? 1 : 0
      left += 2 * r.x < width - r.width ? 1 : 0
    }
    // Each is a fair coin: four standard deviations of 4,000 throws are 126.
    for (name, share) in [("area", below), ("ratio", wide), ("place", left)] {
      #expect(abs(share - count / 2) < 127, "\(name): \(share) of \(count)")
    }
  }

  @Test("An image too narrow or too flat gives the largest centred rectangle that is allowed")
  func fallback() {
    let crop = RandomResizedCrop(area: 0.9...1)
    var generator = KeyedGenerator(seed: 0, purpose: .views)
    #expect(
      crop.rectangle(width: 10, height: 100, using: &generator)
        == PixelRectangle(x: 0, y: 43, width: 10, height: 13))
    #expect(
      crop.rectangle(width: 100, height: 10, using: &generator)
        == PixelRectangle(x: 43, y: 0, width: 13, height: 10))
    #expect(
      crop.rectangle(width: 1, height: 1, using: &generator)
        == PixelRectangle(x: 0, y: 0, width: 1, height: 1))
  }
}
