import ArgumentParser
import EmanateEvaluation
import EmanateImages
import EmanateReports
import Foundation

/// `emanate attention`: what the class token of a vision transformer looks at.
struct AttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Draws what a vision transformer's class token attends to, head by head.",
    discussion: """
      As in DINO's visualize_attention.py: for the mean of the heads and for each head the map, the map over the image, and
      the patches that hold the largest --threshold of the attention. Images keep their aspect ratio: --side is the short
      side, and what is left of the long one beside whole patches is cut off, half at either end. A map's colours run from
      its least to its greatest share. What the class token gives itself and registers is not drawn; --json says it.

      Files are NAME-sheet.png, NAME-head0.png, NAME-head0-overlay.png, NAME-head0-mask.png and so on, and NAME-mean.
      """,
    examples: [
      "emanate attention --weights runs/photos bird.jpg --side 480 --out maps"
    ])

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var pictures: PictureArguments

  @Option(help: "The block, from 0. (default: the last one)")
  var block: Int?

  @Option(help: "The share of the attention that the kept patches hold, above 0, at most 1.")
  var threshold = 0.6

  @Option(help: "The colours of the maps.")
  var colors = ColorMap.inferno

  @Flag(help: "Write a sheet an image and no other files.")
  var sheetsOnly = false

  @Option(help: "Keys the numbers of --weights random.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !(threshold > 0 && threshold <= 1) {
      throw ValidationError("--threshold: \(threshold) is not above 0 and at most 1")
    }
  }

  func run() throws {
    threading.apply()
    let network = try weights.pictured(seed: seed)
    do { try network.checkAttention(ofBlock: block) } catch {
      throw CommandFailure(.usage, "--weights \(weights.weights): \(error)")
    }
    let images = try pictures.read(for: network)
    try pictures.makeFolder()
    var report = Report(weights.weights, network, out: pictures.out, threshold: threshold)
    let progress = CountProgress("images", of: images.count)
    for (done, image) in images.enumerated() {
      let maps: AttentionMaps
      do { maps = try AttentionMaps(of: image.fitted, by: network, block: block) } catch {
        throw CommandFailure(.run, "\(image.path): \(error)")
      }
      let sheet = AttentionSheet(name: image.name, image.fitted, maps, mass: threshold, colors)
      var files = [try pictures.write(sheet.sheet, "\(image.name)-sheet")]
      if !sheetsOnly {
        for drawn in sheet.drawn {
          let name = "\(image.name)-\(drawn.name.replacing(" ", with: ""))"
          files.append(try pictures.write(drawn.map, name))
          files.append(try pictures.write(drawn.overlay, name + "-overlay"))
          files.append(try pictures.write(drawn.mask, name + "-mask"))
        }
      }
      report.add(image, maps, sheet, files)
      progress(done + 1)
    }
    progress.finish()
    output.result(report, text: report.text)
  }

  private struct Report: Encodable {
    struct Head: Encodable {
      let head: Int
      /// Shares of the head's attention, 0 to 1: the greatest of a patch, and what is not drawn.
      let greatest_patch, class_token, registers: Double
      /// How many patches hold the threshold.
      let kept_patches: Int
    }

    struct Entry: Encodable {
      let path, name: String
      let width, height, rows, columns, block: Int
      let heads: [Head]
      let kept_patches_mean: Int
      let files: [String]
    }

    let weights, architecture, out: String
    let side, patch: Int
    let threshold: Double
    var images: [Entry] = []

    init(_ weights: String, _ network: FrozenNetwork, out: String, threshold: Double) {
      (self.weights, architecture, self.out) = (weights, network.title, out)
      (side, patch, self.threshold) = (network.side, network.architecture.patch, threshold)
    }

    mutating func add(
      _ image: PictureArguments.Picture, _ maps: AttentionMaps, _ sheet: AttentionSheet, _ files: [String]
    ) {
      let kept = sheet.drawn.map { $0.kept.count { $0 } }
      let heads = maps.heads.enumerated().map { number, shares in
        Head(
          head: number, greatest_patch: shares.max()!, class_token: maps.classShares[number],
          registers: maps.registerShares[number], kept_patches: kept[number + 1])
      }
      images.append(
        Entry(
          path: image.path, name: image.name, width: image.fitted.image.width,
          height: image.fitted.image.height, rows: maps.grid.rows, columns: maps.grid.columns,
          block: maps.block, heads: heads, kept_patches_mean: kept[0], files: files))
    }

    var text: String {
      images.map { image in
        "\(image.files[0])  \(image.width) x \(image.height) pixels, \(image.rows) x \(image.columns) patches, "
          + "block \(image.block), \(image.heads.count) heads; \(image.kept_patches_mean) patches hold "
          + String(format: "%g %% of their mean", 100 * threshold)
      }.joined(separator: "\n")
    }
  }
}
