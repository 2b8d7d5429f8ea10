import EmanateEvaluation
import EmanateImages
import EmanateNetworks

/// Images beside the colours of their parts, three pairs in a row.
public struct PatchSheet: Sendable {
  /// By image the colours of its parts, as large as the image.
  public let pictures: [Image]
  private let title: [String]
  private let names: [String]
  private let images: [FittedImage]

  /// Of images and the features of their parts.
  public init(
    title: [String], names: [String], _ images: [FittedImage], _ features: [PatchFeatures],
    _ colors: PatchColors
  ) {
    pictures = images.indices.map { place in
      CellPicture.painted(
        colors.colors[place].map(CellPicture.color), features[place].grid,
        width: images[place].image.width, height: images[place].image.height)
    }
    (self.title, self.names, self.images) = (title, names, images)
  }

  /// All of them on one sheet.
  public var sheet: Image {
    let cells = images.indices.map { place in
      [
        PictureSheet.Cell(
          picture: PictureSheet.fitted(images[place].image, side: 220), lines: [names[place]]),
        PictureSheet.Cell(picture: PictureSheet.fitted(pictures[place], side: 220)),
      ]
    }
    let rows = stride(from: 0, to: cells.count, by: 3).map {
      Array(cells[$0..<min($0 + 3, cells.count)].joined())
    }
    return PictureSheet(title: title, columns: [], rows: rows).image
  }
}
