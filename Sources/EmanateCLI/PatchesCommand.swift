import ArgumentParser
import EmanateEvaluation
import EmanateImages
import EmanateReports
import Foundation

/// `emanate patches`: which parts of images are alike to a network.
struct PatchesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "patches",
    abstract: "Colours the parts of images by their features: alike is alike to the network.",
    discussion: """
      The first three principal components of all given images' patch tokens together become red, green and blue, as in
      DINOv2's pictures; of a network of convolutions the cells of its last map take the place of patches. Images keep their
      aspect ratio: --side is the short side, and what is left of the long one beside whole patches is cut off.

      --foreground takes the patches on one side of 0 of the first component for the background, as DINOv2 does, and leaves
      them black; the colours are then found from the others alone. A component's sign means nothing, so `auto` takes for
      background the side to which more of the patches at the images' edges belong.

      Files are sheet.png and a NAME-patches.png an image.
      """,
    examples: [
      "emanate patches --weights runs/photos fig.jpg bird.jpg --side 480 --foreground auto --out parts"
    ])

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var pictures: PictureArguments

  @Option(help: "The block, from 0, whose tokens are taken. (default: the last one)")
  var block: Int?

  @Option(help: "What is drawn: off (everything), auto, above or below.")
  var foreground = PatchColors.Foreground.off

  @Option(help: "Keys the numbers of --weights random.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    threading.apply()
    let network = try weights.pictured(seed: seed)
    do { try network.checkPatches(ofBlock: block) } catch {
      throw CommandFailure(.usage, "--block: \(error)")
    }
    let images = try pictures.read(for: network)
    try pictures.makeFolder()
    let progress = CountProgress("images", of: images.count)
    var features: [PatchFeatures] = []
    for image in images {
      do { features.append(try PatchFeatures(of: image.fitted, by: network, block: block)) } catch {
        throw CommandFailure(.run, "\(image.path): \(error)")
      }
      progress(features.count)
    }
    progress.finish()
    let parts = features.reduce(0) { $0 + $1.grid.count }
    if parts < 4 {
      throw CommandFailure(
        .data, "the images have \(parts) parts in all, too few to compare; choose a larger --side")
    }
    let colors = PatchColors(features, foreground: foreground)
    if foreground != .off && colors.foreground == .off {
      StandardError.warn("fewer than three patches are foreground: everything is drawn")
    }
    let percent = colors.explained.map { String(format: "%.0f", 100 * $0) }.joined(separator: ", ")
    let title = [
      weights.weights.printable, "red, green and blue: \(percent) % of the variance of \(parts) parts",
    ]
    let sheet = PatchSheet(title: title, names: images.map(\.name), images.map(\.fitted), features, colors)
    var report = Report(
      weights: weights.weights, architecture: network.title, out: pictures.out, side: network.side,
      foreground: colors.foreground.rawValue, explained: colors.explained,
      sheet: try pictures.write(sheet.sheet, "sheet"))
    for (number, image) in images.enumerated() {
      let file = try pictures.write(sheet.pictures[number], "\(image.name)-patches")
      report.images.append(
        Report.Entry(
          path: image.path, rows: features[number].grid.rows, columns: features[number].grid.columns,
          foreground_parts: colors.colors[number].count { $0 != nil }, file: file))
    }
    output.result(
      report,
      text:
        "\(report.sheet): \(parts) parts of \(images.count) images; \(percent) % of their variance in red, green "
        + "and blue" + (colors.foreground == .off ? "" : "; foreground \(colors.foreground.rawValue) 0"))
  }

  private struct Report: Encodable {
    struct Entry: Encodable {
      let path: String
      let rows, columns, foreground_parts: Int
      let file: String
    }

    let weights, architecture, out: String
    let side: Int
    let foreground: String
    let explained: [Double]
    let sheet: String
    var images: [Entry] = []
  }
}

extension PatchColors.Foreground: ExpressibleByArgument {}
