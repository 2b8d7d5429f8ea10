import EmanateEvaluation
import EmanateImages
import EmanateNetworks

/// The attention maps of one image: for the mean of the heads and for each head the map itself, the map laid over the image,
/// and the image where the largest share of the attention lies.
public struct AttentionSheet: Sendable {
  /// One map and its pictures, as large as the image.
  public struct Drawn: Sendable {
    /// `mean` or `head 0`.
    public let name: String
    /// Shares by patch.
    public let values: [Double]
    /// The patches that hold `mass` of them.
    public let kept: [Bool]
    /// The map in colours, laid over the image, and the image where patches are kept.
    public let map, overlay, mask: Image
  }

  /// What is drawn, the mean first.
  public let drawn: [Drawn]
  private let name: String
  private let image: FittedImage
  private let maps: AttentionMaps
  private let mass: Double

  /// Of an image called `name`, with the `mass` (above 0, at most 1) that the kept patches hold.
  public init(
    name: String, _ image: FittedImage, _ maps: AttentionMaps, mass: Double = 0.6,
    _ colors: ColorMap = .inferno
  ) {
    let all = [("mean", maps.mean)] + maps.heads.enumerated().map { ("head \($0)", $1) }
    drawn = all.map { title, values in
      let kept = AttentionMaps.kept(values, mass: mass)
      return Drawn(
        name: title, values: values, kept: kept,
        map: CellPicture.map(
          values, maps.grid, width: image.image.width, height: image.image.height, colors),
        overlay: CellPicture.overlay(values, maps.grid, on: image.image, colors),
        mask: CellPicture.kept(kept, maps.grid, on: image.image))
    }
    (self.name, self.image, self.maps, self.mass) = (name, image, maps, mass)
  }

  /// Longer sides are shrunk to this.
  private static let side = 200

  /// All of them on one sheet.
  public var sheet: Image {
    let percent = NumberText.short(100 * mass, digits: 3)
    let words: [(String, (Drawn) -> Image)] = [
      ("attention", { $0.map }), ("over the image", { $0.overlay }),
      ("patches with \(percent) %", { $0.mask }),
    ]
    let rows = words.enumerated().map { row, entry in
      let first = PictureSheet.Cell(
        picture: row == 0 ? PictureSheet.fitted(image.image, side: Self.side) : nil, heads: [entry.0],
        lines: row == 0 ? explanation : [])
      return [first]
        + drawn.map { drawn in
          PictureSheet.Cell(
            picture: PictureSheet.fitted(entry.1(drawn), side: Self.side), lines: lines(drawn, row: row))
        }
    }
    let size = "\(image.image.width) x \(image.image.height) pixels"
    let patches = "\(maps.grid) patches of \(image.patch)"
    return PictureSheet(
      title: [name, "class token, block \(maps.block)   \(size)   \(patches)"],
      columns: ["image"] + drawn.map(\.name), rows: rows
    ).image
  }

  private var explanation: [String] { ["colours run from the least", "to the greatest share"] }

  private func lines(_ drawn: Drawn, row: Int) -> [String] {
    func percent(_ share: Double) -> String { NumberText.short(100 * share, digits: 2) + " %" }
    switch row {
    case 0: return ["greatest \(percent(drawn.values.max()!))"]
    case 2: return ["\(drawn.kept.count { $0 }) of \(drawn.kept.count)"]
    default: return []
    }
  }
}
