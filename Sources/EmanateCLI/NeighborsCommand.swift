import ArgumentParser
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateKernels
import EmanateReports
import EmanateTensors
import Foundation

/// `emanate neighbors`: the images that a network finds most like some.
struct NeighborsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "neighbors",
    abstract: "Draws the nearest images of some, with similarities and right or wrong classes.",
    discussion: """
      Nearest by the cosine of the features, as in `emanate knn`. Queries are files (--query), or images of the folder drawn
      by --seed (--queries); a query that is in the folder is not its own neighbour. Where the folder has classes, a frame
      says whether a neighbour has the query's.
      """,
    examples: [
      "emanate neighbors --weights runs/photos --data photos --queries 8 --out nearest.png"
    ])

  @OptionGroup var weights: WeightsOptions

  @Option(
    help: "The folder whose images are compared, flat or nested; its first level names classes.",
    completion: .directory)
  var data: String

  @Option(
    parsing: .upToNextOption,
    help: "Images to find the nearest ones of. (default: --queries of the folder's own)",
    completion: CompletionOffers.images)
  var query: [String] = []

  @Option(help: "How many images of the folder to draw as queries, where --query names none.")
  var queries = 8

  @Option(name: .customLong("k"), help: "How many neighbours to show.")
  var neighbors = 8

  @Option(help: "The PNG file to draw into.", completion: .file(extensions: ["png"]))
  var out: String

  @Option(help: "Draws the queries, and keys the numbers of --weights random.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !out.lowercased().hasSuffix(".png") { throw ValidationError("--out: \(out) does not end in .png") }
    if !(1...50).contains(neighbors) { throw ValidationError("--k: \(neighbors); 1 to 50 neighbours") }
    if !(1...500).contains(queries) { throw ValidationError("--queries: \(queries); 1 to 500") }
    if query.count > 500 { throw ValidationError("--query: \(query.count) images; at most 500") }
  }

  /// An image whose neighbours are asked for.
  private struct Query {
    let path, name: String
    /// Its row among the folder's features, if it is one of them.
    let row: Int?
    let label: String?
    let image: Image
    let features: Tensor
  }

  func run() throws {
    threading.apply()
    let folder = try listing(data)
    if folder.count <= neighbors {
      throw CommandFailure(.usage, "--k: \(neighbors) neighbours, and \(data) has \(folder.count) images")
    }
    try checkPlace(of: out)
    let source = try weights.source(seed: seed)
    let named = try namedImages(source.decoder)
    let progress = CountProgress("images", of: folder.count)
    let features = try Features(of: folder, by: source) { progress($0) }
    progress.finish()
    warn(ofSkipped: features.skipped)
    if features.count <= neighbors {
      throw CommandFailure(
        .data, "--k: \(neighbors) neighbours, and only \(features.count) images of \(data) can be decoded")
    }
    let asked =
      try named.isEmpty ? drawn(from: features, source.decoder) : prepared(named, source, features)
    // One more than is shown: a query of the folder finds itself.
    let nearest = KNearestNeighbors(
      features: features.rows, labels: [Int](repeating: 0, count: features.count), classes: 1,
      k: neighbors + 1)
    let found = nearest.neighbors(
      of: Tensor(asked.flatMap(\.features.array), [asked.count, features.dimension]))
    let similarities = found.similarities.array
    var report = Report(weights: weights.weights, data: data, out: out, k: neighbors, images: features.count)
    var rows: [(query: NeighborSheet.Entry, neighbors: [NeighborSheet.Entry])] = []
    for (number, query) in asked.enumerated() {
      let places = found.rows[number].indices.filter { found.rows[number][$0] != query.row }.prefix(neighbors)
      let shown = try places.map { place in
        let row = found.rows[number][place]
        let entry = features.folder.entries[row]
        return NeighborSheet.Entry(
          image: try source.decoder.decode(contentsOf: entry.file), name: entry.relativePath,
          label: Self.label(row, features.folder),
          similarity: Double(similarities[number * (neighbors + 1) + place]))
      }
      report.queries.append(
        Report.Entry(
          path: query.path, class: query.label,
          neighbors: zip(places, shown).map { place, entry in
            Report.Neighbor(
              path: features.folder.entries[found.rows[number][place]].path,
              similarity: entry.similarity ?? 0, class: entry.label,
              right: query.label.flatMap { label in entry.label.map { $0 == label } })
          }))
      rows.append((NeighborSheet.Entry(image: query.image, name: query.name, label: query.label), shown))
    }
    let title = "\(neighbors) nearest of \(features.count) images by \(weights.weights.printable)"
    try DurableFile.write(PNGEncoder(level: 9).encode(NeighborSheet(title: title, rows: rows).image), to: out)
    output.result(report, text: report.text)
  }

  private static func label(_ row: Int, _ folder: ImageFolder) -> String? {
    folder.entries[row].classIndex.map { folder.classes[$0] }
  }

  /// The images of `--query`, decoded before the folder's features are taken.
  private func namedImages(_ decoder: ImageDecoder) throws -> [(path: String, image: Image)] {
    try query.map { path in
      guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure(.files, "--query: \(path): there is no such file")
      }
      do throws(ImageDecodingError) { return (path, try decoder.decode(contentsOf: path)) } catch {
        throw CommandFailure(.data, "--query: \(error)")
      }
    }
  }

  /// Named images; they may be the folder's.
  private func prepared(
    _ named: [(path: String, image: Image)], _ source: FeatureSource, _ features: Features
  ) throws -> [Query] {
    func real(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }
    let rows = Dictionary(
      features.folder.entries.enumerated().map { (real($1.path), $0) },
      uniquingKeysWith: { first, _ in first })
    return try named.map { path, image in
      let row = rows[real(path)]
      let values = row.map { features.rows[rows: $0..<$0 + 1] } ?? source.row(of: image)
      if !values.isFinite { throw FeaturesError.notFinite(path: path) }
      return Query(
        path: path, name: (path as NSString).lastPathComponent, row: row,
        label: row.flatMap { Self.label($0, features.folder) }, image: image, features: values)
    }
  }

  /// Images of the folder at random, in its order.
  private func drawn(from features: Features, _ decoder: ImageDecoder) throws -> [Query] {
    var generator = KeyedGenerator(seed: seed, purpose: .pictures)
    let rows = generator.permutation(features.count).prefix(queries).sorted()
    return try rows.map { row in
      let entry = features.folder.entries[row]
      return Query(
        path: entry.path, name: entry.relativePath, row: row, label: Self.label(row, features.folder),
        image: try decoder.decode(contentsOf: entry.file), features: features.rows[rows: row..<row + 1])
    }
  }

  private struct Report: Encodable {
    struct Neighbor: Encodable {
      let path: String
      let similarity: Double
      let `class`: String?
      let right: Bool?
    }

    struct Entry: Encodable {
      let path: String
      let `class`: String?
      let neighbors: [Neighbor]
    }

    let weights, data, out: String
    let k, images: Int
    var queries: [Entry] = []

    init(weights: String, data: String, out: String, k: Int, images: Int) {
      (self.weights, self.data, self.out, self.k, self.images) = (weights, data, out, k, images)
    }

    var text: String {
      let judged = queries.flatMap(\.neighbors).compactMap(\.right)
      let share = judged.isEmpty ? "" : "; \(judged.count { $0 }) of \(judged.count) have the right class"
      return "\(k) nearest images of \(queries.count) in \(out)\(share)"
    }
  }
}

/// A file's folder must be there, and writable, before the work begins.
func checkPlace(of path: String) throws {
  let folder = URL(filePath: path).deletingLastPathComponent().path
  if access(folder, W_OK) != 0 {
    throw FileFailure(path: path, action: "create", reason: String(cString: strerror(errno)))
  }
}
