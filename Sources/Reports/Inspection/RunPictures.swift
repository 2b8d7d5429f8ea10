import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateTensors
import EmanateTraining

/// Pictures of what a run sees and what it has learned: views of some images, and the nearest neighbours of some. They are
/// there only where the images still are, and the neighbours where there is a checkpoint.
public struct RunPictures: Sendable {
  /// A small picture with a word or two.
  public struct Picture: Sendable {
    /// At most `side` pixels on a side.
    public let image: Image
    /// What stands below it, and what is told when asked.
    public let caption, details: String
  }

  /// Views of an image, or its neighbours; the image itself comes first.
  public typealias Row = [Picture]

  /// Views of some images, as training sees them in its first epoch.
  public let views: [Row]
  /// Some images with those whose features are nearest, by the cosine.
  public let neighbors: [Row]
  /// How many images the neighbours were looked for among.
  public let candidates: Int
  /// What could not be shown, and why.
  public let notes: [String]

  /// How much is shown.
  public struct Options: Sendable {
    /// Images that views are made of, and images that neighbours are looked for.
    public var viewed = 3, asked = 6
    /// Neighbours of each.
    public var neighbors = 6
    /// Images that neighbours are looked for among.
    public var candidates = 300
    /// Pixels of a picture's longer side.
    public var side = 72

    /// Three images' views and six images' neighbours among 300.
    public init() {}
  }

  /// Makes the pictures of a run over the images in `data`, or where the run says its images are.
  public init(of record: RunRecord, data: [String]?, _ options: Options = Options()) {
    var notes: [String] = []
    var (views, neighbors) = ([Row](), [Row]())
    var count = 0
    if let places = data ?? DataPlace(record.folder)?.folders {
      do {
        let folder = try ImageFolder(places)
        do {
          views = try Self.views(folder, record, options)
        } catch { notes.append("No views: \(error)") }
        if record.folder.newestCheckpoint == nil {
          notes.append("No nearest neighbours: there is no checkpoint yet.")
        } else {
          do {
            (neighbors, count) = try Self.neighbors(folder, record, options)
          } catch { notes.append("No nearest neighbours: \(error)") }
        }
      } catch { notes.append("No pictures: \(error)") }
    } else {
      notes.append("No pictures: the run does not say where its images are; --data names their folder.")
    }
    (self.views, self.neighbors, self.notes, candidates) = (views, neighbors, notes, count)
  }

  /// Rows all through a folder.
  private static func spread(_ count: Int, over all: Int) -> [Int] {
    let count = min(count, all)
    return (0..<count).map { $0 * all / count }
  }

  private static func views(_ folder: ImageFolder, _ record: RunRecord, _ options: Options) throws -> [Row] {
    let settings = record.settings
    let recipe = try (try? Recipe(contentsOf: record.folder.recipe)) ?? settings.resolvedRecipe()
    let crops = try MultiCrop(recipe, mode: settings.data.mode)
    let names = crops.groups.enumerated().flatMap { group, shape in
      (1...shape.views).map {
        crops.groups.count == 1 ? "view \($0)" : "\(group == 0 ? "global" : "local") \($0)"
      }
    }
    return spread(options.viewed, over: folder.count).compactMap { row in
      let path = folder.entries[row].path
      guard let original = try? settings.imageDecoder.decode(contentsOf: path),
        let image = try? settings.imageDecoder.decode(contentsOf: path, for: settings.data.mode)
      else { return nil }
      let views = (0..<crops.viewCount).map { view in
        let described = crops.describedView(
          view, of: image, seed: UInt64(settings.seed), epoch: 0, sample: row)
        return Picture(
          image: described.image.within(options.side), caption: names[view],
          details: described.applied.joined(separator: ", "))
      }
      return [picture(original, folder.entries[row], options)] + views
    }
  }

  private static func neighbors(
    _ folder: ImageFolder, _ record: RunRecord, _ options: Options
  ) throws -> ([Row], Int) {
    let network = try NetworkReader().read(record.folder.path)
    let features = try Features(
      of: folder.selecting(spread(options.candidates, over: folder.count)), by: .network(network))
    let (k, asked) = (min(options.neighbors + 1, features.count), spread(options.asked, over: features.count))
    let search = KNearestNeighbors(
      features: features.rows, labels: Array(repeating: 0, count: features.count), classes: 1, k: k)
    let found = search.neighbors(of: features.selecting(asked).rows)
    let similarities = found.similarities.array
    let rows = asked.enumerated().compactMap { query, row -> Row? in
      guard let first = try? network.decoder.decode(contentsOf: features.folder.entries[row].path) else {
        return nil
      }
      let others = found.rows[query].enumerated().compactMap { place, near -> Picture? in
        let entry = features.folder.entries[near]
        guard near != row, let image = try? network.decoder.decode(contentsOf: entry.path) else { return nil }
        let similarity = NumberText.short(Double(similarities[query * k + place]), digits: 3)
        return Picture(
          image: image.within(options.side), caption: similarity, details: entry.relativePath)
      }
      return [picture(first, features.folder.entries[row], options)] + others.prefix(options.neighbors)
    }
    return (rows, features.count)
  }

  private static func picture(_ image: Image, _ entry: ImageFolder.Entry, _ options: Options) -> Picture {
    Picture(
      image: image.within(options.side), caption: "\(image.width) x \(image.height)",
      details: entry.relativePath)
  }
}

extension Image {
  /// The whole image, made smaller where its longer side has more pixels than that.
  func within(_ side: Int) -> Image {
    let scale = Double(side) / Double(max(width, height))
    if scale >= 1 { return self }
    return resized(
      width: max(1, Int((Double(width) * scale).rounded())),
      height: max(1, Int((Double(height) * scale).rounded())))
  }
}
