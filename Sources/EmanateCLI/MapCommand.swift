import ArgumentParser
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateKernels
import EmanateReports
import EmanateTensors
import Foundation

/// `emanate map`: the features of a folder's images in the plane.
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Draws a folder's images as a map of their features: t-SNE or principal components.",
    discussion: """
      Features are brought to length 1, as nearest neighbours compare them. t-SNE (van der Maaten and Hinton 2008) computes
      all pairs of images and keeps neighbours together: that groups lie apart says they differ, but not by how much, and
      their sizes say nothing. --method pca shows the two directions of the greatest variance, to scale. Where the folder
      has classes they are colours; the pointer shows an image's name.
      """,
    examples: [
      "emanate map --weights runs/photos --data photos --thumbnails --out map.svg"
    ])

  enum Method: String, CaseIterable, ExpressibleByArgument { case tsne, pca }

  @OptionGroup var weights: WeightsOptions

  @Option(help: "A folder of images, flat or nested; its first level names classes.", completion: .directory)
  var data: String

  @Option(help: "The SVG file to draw into.", completion: .file(extensions: ["svg"]))
  var out: String

  @Option(help: "How features come into the plane: t-SNE or principal components.")
  var method = Method.tsne

  @Option(help: "t-SNE: how many neighbours an image has, roughly. (default: 30, or a third of the images)")
  var perplexity: Double?

  @Option(help: "t-SNE: steps of gradient descent.")
  var steps = 1000

  @Option(help: "The most images; of more, some are drawn by --seed.")
  var images = 2000

  @Flag(help: "Show images in place of marks, as many as do not cover one another.")
  var thumbnails = false

  @Option(help: "The longer side of such an image on the map, in pixels.")
  var thumbnailSide = 32

  @Option(
    help: "Also write path, class and both coordinates of every image into this CSV file.",
    completion: .file(extensions: ["csv"]))
  var csv: String?

  @Option(help: "Draws the images, keys where t-SNE begins, and the numbers of --weights random.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  /// All pairs are kept: 800 MB.
  private static let most = 10_000

  func validate() throws {
    if !out.lowercased().hasSuffix(".svg") { throw ValidationError("--out: \(out) does not end in .svg") }
    if let csv, !csv.lowercased().hasSuffix(".csv") {
      throw ValidationError("--csv: \(csv) does not end in .csv")
    }
    if !(4...100_000).contains(images) { throw ValidationError("--images: \(images); 4 to 100,000") }
    if method == .tsne && images > Self.most {
      throw ValidationError("--images: \(images); t-SNE compares all pairs and takes at most 10,000 images")
    }
    if let perplexity, !(perplexity >= 1 && perplexity.isFinite) {
      throw ValidationError("--perplexity: \(perplexity) is not at least 1")
    }
    if !(1...100_000).contains(steps) { throw ValidationError("--steps: \(steps); 1 to 100,000") }
    if !(8...256).contains(thumbnailSide) {
      throw ValidationError("--thumbnail-side: \(thumbnailSide); 8 to 256 pixels")
    }
  }

  func run() throws {
    threading.apply()
    let whole = try listing(data)
    let folder = whole.count > images ? whole.selecting(chosen(of: whole.count)) : whole
    try check(folder.count, .usage, "has")
    for path in [out] + (csv.map { [$0] } ?? []) { try checkPlace(of: path) }
    let source = try weights.source(seed: seed)
    if folder.count < whole.count {
      output.say("\(folder.count) of \(whole.count) images are drawn at random (--images)")
    }
    let progress = CountProgress("images", of: folder.count)
    let features = try Features(of: folder, by: source) { progress($0) }
    progress.finish()
    warn(ofSkipped: features.skipped)
    try check(features.count, .data, "has, of those that can be decoded,")
    let rows = features.directions
    let map = method == .pca ? principal(rows) : neighborMap(rows)
    var plot = FeatureMapPlot(
      title: "\(features.count) images of \(data.printable) by \(weights.weights.printable)",
      caption: map.caption,
      classes: features.folder.classes,
      points: features.folder.entries.enumerated().map { row, entry in
        FeatureMapPlot.Point(x: map.x[row], y: map.y[row], label: entry.classIndex, name: entry.relativePath)
      })
    if thumbnails { plot.thumbnails = try pictures(plot, features.folder, source.decoder) }
    try DurableFile.write(plot.svg, to: out)
    if let csv { try DurableFile.write(table(map, features.folder), to: csv) }
    output.result(
      Report(
        out: out, csv: csv, weights: weights.weights, method: method.rawValue, images: features.count,
        skipped: features.skipped.count, classes: features.folder.classes.count,
        thumbnails: plot.thumbnails.count, perplexity: map.perplexity, divergence: map.divergence,
        explained: map.explained),
      text: "\(features.count) images in \(out): \(map.caption)")
  }

  private func check(_ count: Int, _ code: CommandFailure.Code, _ has: String) throws {
    if count < 4 { throw CommandFailure(code, "\(data) \(has) \(count) images; a map wants at least 4") }
    guard method == .tsne, let perplexity else { return }
    let greatest = TSNE.greatestPerplexity(rows: count)
    if perplexity > greatest {
      throw CommandFailure(
        code,
        "--perplexity: \(perplexity) is more than a third of the others of \(count) images, "
          + String(format: "%.1f", greatest))
    }
  }

  private func chosen(of count: Int) -> [Int] {
    var generator = KeyedGenerator(seed: seed, purpose: .pictures)
    return generator.permutation(count).prefix(images).sorted()
  }

  private struct Placed {
    let x, y: [Double]
    let caption: String
    var perplexity: Double?
    var divergence: Double?
    var explained: [Double]?
  }

  private func principal(_ rows: Tensor) -> Placed {
    let components = PrincipalComponents(of: rows, count: min(2, rows.shape[1]))
    let places = components(rows)
    let explained = components.variances.map {
      components.totalVariance > 0 ? $0 / components.totalVariance : 0
    }
    let percent = explained.map { String(format: "%.1f %%", 100 * $0) }.joined(separator: " and ")
    return Placed(
      x: places.map { $0[0] }, y: places.map { $0.count > 1 ? $0[1] : 0 },
      caption: "principal components: \(percent) of the variance", explained: explained)
  }

  private func neighborMap(_ rows: Tensor) -> Placed {
    let count = rows.shape[0]
    let perplexity = perplexity ?? min(30, TSNE.greatestPerplexity(rows: count))
    let search = TSNE(of: rows, perplexity: perplexity)
    var options = TSNE.Options()
    options.steps = steps
    options.exaggeratedSteps = min(options.exaggeratedSteps, steps / 4)
    let progress = CountProgress("steps", of: steps)
    let map = search(from: TSNE.start(of: rows, seed: seed), options) { progress($0) }
    progress.finish()
    let divergence = search.divergence(at: map)
    return Placed(
      x: map.x, y: map.y,
      caption: String(
        format: "t-SNE: perplexity %g, %d steps, divergence %.2f", perplexity, steps, divergence),
      perplexity: perplexity, divergence: divergence)
  }

  private func pictures(
    _ plot: FeatureMapPlot, _ folder: ImageFolder, _ decoder: ImageDecoder
  ) throws -> [Int: FeatureMapPlot.Thumbnail] {
    var found: [Int: FeatureMapPlot.Thumbnail] = [:]
    for row in plot.roomy(side: Double(thumbnailSide) + 4) {
      let image = try decoder.decode(contentsOf: folder.entries[row].file)
      let scale = Double(thumbnailSide) / Double(max(image.width, image.height))
      let width = max(Int((Double(image.width) * scale).rounded()), 1)
      let height = max(Int((Double(image.height) * scale).rounded()), 1)
      found[row] = FeatureMapPlot.Thumbnail(
        png: PNGEncoder(level: 9).encode(image.resized(width: width, height: height)), width: width,
        height: height)
    }
    return found
  }

  private func table(_ map: Placed, _ folder: ImageFolder) -> String {
    "path,class,x,y\n"
      + folder.entries.enumerated().map { row, entry in
        let name = entry.classIndex.map { folder.classes[$0] } ?? ""
        return
          "\(FeatureCSV.quoted(entry.relativePath)),\(FeatureCSV.quoted(name)),\(map.x[row]),\(map.y[row])\n"
      }.joined()
  }

  private struct Report: Encodable {
    let out: String
    let csv: String?
    let weights, method: String
    let images, skipped, classes, thumbnails: Int
    let perplexity, divergence: Double?
    let explained: [Double]?
  }
}
