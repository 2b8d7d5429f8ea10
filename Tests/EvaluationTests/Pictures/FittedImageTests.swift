import EmanateAugmentations
import EmanateEvaluation
import EmanateImages
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// Random levels.
func noise(_ width: Int, _ height: Int) -> Image {
  let values = hashFilled("noise \(width) \(height)", [3 * width * height], scale: 127, offset: 128).array
  return Image(width: width, height: height, pixels: values.map { UInt8($0) })
}

@Suite struct FittedImageTests {
  @Test(arguments: [(300, 200, 8, 12), (200, 300, 12, 8), (90, 90, 8, 8), (1000, 100, 8, 80), (65, 64, 8, 8)])
  func `the short side is what is asked for, the long one in proportion, cut to whole patches`(
    width: Int, height: Int, rows: Int, columns: Int
  ) throws {
    let fitted = try #require(FittedImage(noise(width, height), side: 32, patch: 4))
    #expect(fitted.grid == PatchGrid(rows: rows, columns: columns))
    #expect(fitted.image.height == 4 * rows && fitted.image.width == 4 * columns)
  }

  @Test func `what is cut lies at both ends`() throws {
    // 32 x 38 pixels: 36 are whole patches, and one row goes at either end.
    let image = noise(32, 38)
    let fitted = try #require(FittedImage(image, side: 32, patch: 4))
    #expect(fitted.image.pixels == Array(image.pixels[3 * 32..<3 * 32 * 37]))
    let wide = noise(38, 32)
    let turned = try #require(FittedImage(wide, side: 32, patch: 4))
    #expect(turned.image.width == 36 && turned.image.pixels.prefix(3) == wide.pixels[3..<6])
  }

  @Test func `an image that is too long for its width is refused`() {
    #expect(FittedImage(noise(160, 10), side: 8, patch: 4) != nil)
    #expect(FittedImage(noise(161, 10), side: 8, patch: 4) == nil)
    #expect(FittedImage(noise(10, 400), side: 8, patch: 4) == nil)
  }

  @Test(arguments: [1, 4, 8]) func `patches of a square are those that features are taken of`(patch: Int)
    throws
  {
    let image = noise(16, 16)
    let fitted = try #require(FittedImage(image, side: 16, patch: patch))
    var preparation = ImagePreparation.imageNet
    preparation.crop = 1
    var expected = Tensor(uninitialized: [256 / (patch * patch), 3 * patch * patch])
    expected.withMutableElements {
      EvaluationTransform(side: 16, preparation).write(image, patch: patch, into: $0)
    }
    let patches = fitted.patches(preparation.normalization)
    #expect(patches.shape == [1, 256 / (patch * patch), 3 * patch * patch])
    #expect(greatestDifference(patches, expected) < 1e-5)
  }

  @Test func `patches of a strip run row by row`() throws {
    var image = Image(repeating: 0, width: 24, height: 8)
    // The patch in row 1, column 2 of 2 x 6.
    for y in 4..<8 { for x in 8..<12 { image.pixels[3 * (y * 24 + x) + 1] = 255 } }
    let fitted = try #require(FittedImage(image, side: 8, patch: 4))
    let rows = fitted.patches(Normalization(mean: [0, 0, 0], std: [1, 1, 1])).array
    for (place, value) in rows.enumerated() {
      let isGreen = place / 48 == 8 && (16..<32).contains(place % 48)
      #expect(abs(value - (isGreen ? 1 : 0)) < 1e-6)
    }
  }
}
