import EmanateAugmentations
import EmanateImages
import EmanateReports
import Foundation
import Testing

@Suite("Contact sheets")
struct ContactSheetTests {
  private func view(_ level: UInt8, side: Int, _ applied: [String] = []) -> DescribedView {
    DescribedView(
      image: Image(repeating: level, width: side, height: side),
      crop: PixelRectangle(x: 2, y: 3, width: 5, height: 4), applied: applied)
  }

  private func sheet(_ applied: [String] = [], rows: Int = 1) -> ContactSheet {
    let row = ContactSheet.Row(
      label: ["a.png", "20 x 10"], original: Image(repeating: 200, width: 20, height: 10),
      views: [view(10, side: 160, applied), view(20, side: 160), view(30, side: 96)])
    return ContactSheet(
      title: "recipe x", groups: [ViewGroupShape(views: 2, side: 160), ViewGroupShape(views: 1, side: 96)],
      rows: Array(repeating: row, count: rows))
  }

  /// Pixels whose three levels are `level`.
  private func pixels(of level: UInt8, in image: Image) -> Int {
    (0..<image.width * image.height).count { pixel in
      (0..<3).allSatisfy { image.pixels[3 * pixel + $0] == level }
    }
  }

  @Test("Every view stands in the sheet whole, at its own size, once a row")
  func views() {
    for rows in [1, 3] {
      let image = sheet(rows: rows).image
      #expect(pixels(of: 10, in: image) == rows * 160 * 160)
      #expect(pixels(of: 20, in: image) == rows * 160 * 160)
      #expect(pixels(of: 30, in: image) == rows * 96 * 96)
    }
  }

  @Test("A white view on white paper has an edge around it")
  func edge() {
    let row = ContactSheet.Row(
      label: ["a"], original: Image(repeating: 255, width: 130, height: 130),
      views: [view(255, side: 130), view(255, side: 130)])
    let image = ContactSheet(title: "", groups: [ViewGroupShape(views: 2, side: 130)], rows: [row]).image
    #expect(pixels(of: 212, in: image) == 3 * 4 * 131)
  }

  @Test("Small views are enlarged by a whole factor")
  func zoom() {
    let row = ContactSheet.Row(
      label: ["a"], original: Image(repeating: 200, width: 28, height: 28), views: [view(10, side: 28)])
    let image = ContactSheet(title: "", groups: [ViewGroupShape(views: 1, side: 28)], rows: [row]).image
    #expect(pixels(of: 10, in: image) == 16 * 28 * 28)
  }

  @Test("What was applied is written below the view, on more lines where one is too short")
  func labels() {
    let plain = sheet().image
    let one = sheet(["flip"]).image
    let many = sheet(Array(repeating: "brightness 1.21", count: 12)).image
    #expect(one.pixels != plain.pixels)
    #expect(many.height > one.height && many.width == plain.width)
    // Words leave dark pixels on the paper: more words, more of them.
    let dark = [plain, one, many].map { image in
      stride(from: 0, to: image.pixels.count, by: 3).count { image.pixels[$0] == 112 }
    }
    #expect(dark[0] < dark[1] && dark[1] < dark[2])
  }

  @Test("Names of any letters and any length, and images of one pixel, can be drawn")
  func extremes() {
    let row = ContactSheet.Row(
      label: ["Grüße/\u{1F600}\n" + String(repeating: "long", count: 80), ""],
      original: Image(repeating: 1, width: 1, height: 1),
      views: [
        DescribedView(
          image: Image(repeating: 9, width: 8, height: 8),
          crop: PixelRectangle(x: 0, y: 0, width: 1, height: 1),
          applied: [])
      ])
    let image = ContactSheet(
      title: String(repeating: "title ", count: 100), groups: [ViewGroupShape(views: 1, side: 8)], rows: [row]
    ).image
    #expect(image.width > 500 && pixels(of: 9, in: image) == 64 * 16 * 16)
  }
}
