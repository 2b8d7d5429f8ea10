import ArgumentParser
import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateInterchange
import EmanateReports
import EmanateTraining
import Foundation

/// `emanate augment`: a contact sheet of the views that a recipe makes.
struct AugmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "augment", abstract: "Draws the views a recipe makes of images, with what was done to each.",
    discussion: """
      They are the very views that training would see with the same folders, recipe, seed and epoch. Of a folder
      with more images than asked for, some are taken all through it.
      """,
    examples: [
      "emanate augment --data photos --recipe byol --images 4 --out sheet.png"
    ])

  @Option(
    parsing: .upToNextOption, help: "Folders of images, or single images.",
    completion: CompletionOffers.images)
  var data: [String]

  @Option(
    help: "A recipe: a YAML file, or one by name (`emanate list recipes`). (default: the settings', or dino)",
    completion: CompletionOffers.recipes)
  var recipe: String?

  @Option(help: "The PNG file to draw into.", completion: .file(extensions: ["png"]))
  var out: String

  @Option(help: "The most images to draw, a row each.")
  var images = 8

  @Option(help: "Keys the views, as in training (configuration key `seed`). (default: the settings', or 0)")
  var seed: Int?

  @Option(help: "The epoch whose views are drawn, from 0.")
  var epoch = 0

  @Option(
    help: "Settings whose recipe, sizes and seed to take: a YAML file, or an embedded one by name.",
    completion: CompletionOffers.configurations)
  var config: String?

  @Option(
    name: .customLong("set"),
    help: "A setting over --config, `data.views.globalSide=112` say; may be given several times.",
    completion: CompletionOffers.settings)
  var overrides: [String] = []

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if images < 1 { throw ValidationError("--images: \(images); at least 1") }
    if epoch < 0 { throw ValidationError("--epoch: \(epoch); epochs count from 0") }
    if let seed, seed < 0 { throw ValidationError("--seed: \(seed); 0 or more") }
    if !out.lowercased().hasSuffix(".png") { throw ValidationError("--out: \(out) does not end in .png") }
  }

  func run() throws {
    var settings = try ExperimentConfiguration.load(files: config.map { [$0] } ?? [], overrides: overrides)
    if let recipe { settings.data.recipe = recipe }
    if let seed { settings.seed = seed }
    let crops = try MultiCrop(settings.data.resolvedRecipe(), mode: settings.data.mode)
    var rows: [ContactSheet.Row] = []
    var report = Report(out: out, views_per_image: crops.viewCount)
    for source in try sources() {
      let (original, image): (Image, DecodedImage)
      do throws(ImageDecodingError) {
        original = try settings.imageDecoder.decode(contentsOf: source.path)
        image = try settings.imageDecoder.decode(contentsOf: source.path, for: settings.data.mode)
      } catch {
        StandardError.warn("left out: \(error)")
        report.skipped.append(.init(path: source.path, reason: error.reason.description))
        continue
      }
      let views = (0..<crops.viewCount).map {
        crops.describedView(
          $0, of: image, seed: UInt64(settings.seed), epoch: epoch, sample: source.sample)
      }
      let size = "\(image.width) x \(image.height)"
      rows.append(
        ContactSheet.Row(
          label: [source.name, size, "sample \(source.sample)"], original: original, views: views))
      report.add(views, of: source.path, sample: source.sample)
    }
    if rows.isEmpty {
      throw CommandFailure(.data, "\(data.joined(separator: ", ")): none of the images can be read")
    }
    let sheet = ContactSheet(
      title: "recipe \(settings.data.recipe)   seed \(settings.seed)   epoch \(epoch)", groups: crops.groups,
      rows: rows)
    try DurableFile.write(PNGEncoder(level: 9).encode(sheet.image), to: out)
    output.result(report, text: "\(report.views) views of \(report.images) images in \(out)")
  }

  /// A file to draw, and the number that its views are keyed by: its row in the folders.
  private struct Source {
    let path, name: String
    let sample: Int
  }

  private func sources() throws -> [Source] {
    let isFile = data.map { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }
    if isFile.allSatisfy({ $0 }) {
      return data.prefix(images).enumerated().map {
        Source(path: $1, name: ($1 as NSString).lastPathComponent, sample: $0)
      }
    }
    if isFile.contains(true) {
      throw CommandFailure(.usage, "--data: folders or images, not both: \(data.joined(separator: ", "))")
    }
    let folder = try ImageFolder(data)
    let count = min(images, folder.count)
    return (0..<count).map {
      let row = $0 * folder.count / count
      return Source(path: folder.entries[row].path, name: folder.entries[row].relativePath, sample: row)
    }
  }

  private struct Report: Encodable {
    struct Skipped: Encodable {
      let path, reason: String
    }

    struct View: Encodable {
      let path: String
      let sample, view, side: Int
      /// Left, top, width, height.
      let crop: [Int]
      let applied: [String]
    }

    let out: String
    let views_per_image: Int
    var images = 0
    var views = 0
    var skipped: [Skipped] = []
    var details: [View] = []

    init(out: String, views_per_image: Int) { (self.out, self.views_per_image) = (out, views_per_image) }

    mutating func add(_ described: [DescribedView], of path: String, sample: Int) {
      images += 1
      views += described.count
      details += described.enumerated().map { number, view in
        View(
          path: path, sample: sample, view: number, side: view.image.width,
          crop: [view.crop.x, view.crop.y, view.crop.width, view.crop.height], applied: view.applied)
      }
    }
  }
}
