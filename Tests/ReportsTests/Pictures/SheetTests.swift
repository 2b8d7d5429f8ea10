import EmanateEvaluation
import EmanateImages
import EmanateNetworks
import EmanateReports
import EmanateTensors
import TestSupport
import Testing

/// The pixels of a sheet that have exactly these levels.
private func pixels(_ red: UInt8, _ green: UInt8, _ blue: UInt8, in image: Image) -> Int {
  (0..<image.width * image.height).count {
    image.pixels[3 * $0] == red && image.pixels[3 * $0 + 1] == green && image.pixels[3 * $0 + 2] == blue
  }
}

@Suite struct AttentionSheetTests {
  @Test func `mean and heads are drawn as maps, over the image, and as what is kept`() throws {
    let network = FrozenNetwork(
      random: VisionTransformerSizes(width: 24, depth: 2, heads: 3, patch: 4, side: 16), side: 16,
      preparation: .imageNet, seed: 2)
    let image = try #require(FittedImage(Image(repeating: 250, width: 24, height: 16), side: 16, patch: 4))
    let maps = try AttentionMaps(of: image, by: network)
    let sheet = AttentionSheet(name: "white", image, maps, mass: 0.5, .gray)
    #expect(sheet.drawn.map(\.name) == ["mean", "head 0", "head 1", "head 2"])
    for (drawn, values) in zip(sheet.drawn, [maps.mean] + maps.heads) {
      #expect(drawn.values == values)
      #expect(drawn.kept == AttentionMaps.kept(values, mass: 0.5))
      #expect(drawn.map == CellPicture.map(values, maps.grid, width: 24, height: 16, .gray))
      #expect(pixels(250, 250, 250, in: drawn.mask) == 16 * drawn.kept.count { $0 })
      #expect(pixels(50, 50, 50, in: drawn.mask) == 16 * drawn.kept.count { !$0 })
      #expect(drawn.overlay.width == 24 && drawn.overlay.pixels != drawn.map.pixels)
    }
    // The longer side of 24 pixels is enlarged eight times.
    let masks = sheet.drawn.reduce(0) { $0 + 16 * $1.kept.count { $0 } }
    #expect(pixels(250, 250, 250, in: sheet.sheet) >= 64 * (24 * 16 + masks))
  }
}

@Suite struct PatchSheetTests {
  @Test func `each image stands beside its parts' colours, three pairs in a row`() throws {
    let image = try #require(FittedImage(Image(repeating: 250, width: 16, height: 16), side: 16, patch: 4))
    let network = FrozenNetwork(
      random: VisionTransformerSizes(width: 24, depth: 2, heads: 3, patch: 4, side: 16), side: 16,
      preparation: .imageNet, seed: 2)
    func sheet(_ count: Int) throws -> PatchSheet {
      let parts = try (0..<count).map { _ in try PatchFeatures(of: image, by: network) }
      return PatchSheet(
        title: ["t"], names: (0..<count).map { "\($0).png" }, Array(repeating: image, count: count), parts,
        PatchColors(parts))
    }
    let (three, four) = (try sheet(3), try sheet(4))
    #expect(three.pictures.count == 3 && three.pictures[0].width == 16)
    #expect(three.pictures[0] == three.pictures[2])
    let (small, large) = (three.sheet, four.sheet)
    #expect(small.width == large.width && large.height > small.height + 200)
    // The image enlarged thirteen times, once an image.
    #expect(pixels(250, 250, 250, in: large) == 4 * 208 * 208)
  }
}

@Suite struct NeighborSheetTests {
  private func entry(_ level: UInt8, _ label: String?, _ similarity: Double? = nil) -> NeighborSheet.Entry {
    NeighborSheet.Entry(
      image: Image(repeating: level, width: 28, height: 28), name: "\(level).png", label: label,
      similarity: similarity)
  }

  @Test func `frames say right or wrong where both classes are known`() {
    let sheet = NeighborSheet(
      title: "t",
      rows: [(entry(10, "cat"), [entry(20, "cat", 0.9), entry(30, "dog", 0.5), entry(40, nil, 0.4)])])
    let image = sheet.image
    // A frame of three pixels around 112 x 112.
    #expect(pixels(0, 158, 115, in: image) == 118 * 118 - 112 * 112)
    #expect(pixels(213, 94, 0, in: image) == 118 * 118 - 112 * 112)
    for level: UInt8 in [10, 20, 30, 40] {
      #expect(pixels(level, level, level, in: image) == 112 * 112)
    }
    let unlabelled = NeighborSheet(title: "t", rows: [(entry(10, nil), [entry(20, nil, 0.9)])]).image
    #expect(pixels(0, 158, 115, in: unlabelled) == 0 && pixels(213, 94, 0, in: unlabelled) == 0)
  }

  @Test func `similarities are written below, and other ones look otherwise`() {
    func sheet(_ similarity: Double) -> Image {
      NeighborSheet(title: "t", rows: [(entry(10, nil), [entry(20, nil, similarity)])]).image
    }
    #expect(sheet(0.912).pixels != sheet(0.913).pixels)
    #expect(sheet(0.9124).pixels == sheet(0.9121).pixels)
    #expect(sheet(-0.05).pixels != sheet(0.05).pixels)
  }
}
