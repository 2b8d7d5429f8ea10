import EmanateAutograd
import EmanateData
import EmanateTensors
import Foundation

/// The features of a folder's images: a row for each that could be read, in the folder's order.
public struct Features: Sendable {
  /// [N, D] float32, not L2-normalised.
  public let rows: Tensor
  /// The images of the rows, in byte order of their relative paths (folder after folder where several were
  /// given).
  public let folder: ImageFolder
  /// Files that could not be decoded; they have no row.
  public let skipped: [SkippedFile]

  /// Reads every image of `folder` and takes its features; `progress` is told the number of images done.
  ///
  /// A batch is `batchSize` consecutive files, whatever can be read of them. The result does not depend on
  /// the number of threads.
  public init(
    of folder: ImageFolder, by source: FeatureSource, batchSize: Int = 64, progress: (Int) -> Void = { _ in }
  ) throws(FeaturesError) {
    let dimension = source.dimension
    let bytes = 4 * dimension * folder.count
    let limit = Int(clamping: ProcessInfo.processInfo.physicalMemory / 2)
    if bytes > limit {
      throw .tooLarge(images: folder.count, dimension: dimension, bytes: bytes, limit: limit)
    }

    let loader = FeatureLoader(
      folder: folder, transform: source.transform, patch: source.patch, batchSize: batchSize,
      decoder: source.decoder)
    var rows = Tensor(uninitialized: [folder.count, dimension])
    var kept: [Int] = []
    while let batch = loader.next() {
      let features = source.features(batch.patches)
      if !features.isFinite {
        let row = batch.samples.indices.first { !features[rows: $0..<$0 + 1].isFinite }!
        throw .notFinite(path: folder.entries[batch.samples[row]].path)
      }
      rows.withMutableElements { rows in
        features.withElements { features in
          let start = kept.count * dimension
          let target = UnsafeMutableBufferPointer(rebasing: rows[start..<start + features.count])
          _ = target.update(fromContentsOf: features)
        }
      }
      kept += batch.samples
      progress(kept.count + loader.skipped.count)
    }
    skipped = loader.skipped
    if kept.isEmpty { throw .nothingReadable(first: Array(skipped.prefix(10))) }
    self.rows = rows[rows: 0..<kept.count]
    self.folder = folder.selecting(kept)
  }

  private init(rows: Tensor, folder: ImageFolder, skipped: [SkippedFile]) {
    (self.rows, self.folder, self.skipped) = (rows, folder, skipped)
  }

  /// The number of rows.
  public var count: Int { rows.shape[0] }
  /// The length of a row.
  public var dimension: Int { rows.shape[1] }

  /// The rows brought to length 1, as nearest neighbours compare them, [N, D].
  public var directions: Tensor { normalized(Variable(rows)).value }

  /// Some of the rows, in the order given; what was skipped stays with the whole.
  public func selecting(_ places: [Int]) -> Features {
    Features(rows: rows.gathering(places), folder: folder.selecting(places), skipped: [])
  }
}

/// Why a folder has no features.
public enum FeaturesError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No file can be decoded; `first` names up to ten.
  case nothingReadable(first: [SkippedFile])
  /// An image's features are not finite numbers.
  case notFinite(path: String)
  /// The rows would take more than half of the machine's memory.
  case tooLarge(images: Int, dimension: Int, bytes: Int, limit: Int)

  /// The failure in words, with what can be done.
  public var description: String {
    switch self {
    case .nothingReadable(let first):
      return "no file can be decoded:" + first.map { "\n  \($0)" }.joined()
    case .notFinite(let path): return "\(path): its features are not finite numbers; are the weights sound?"
    case .tooLarge(let images, let dimension, let bytes, let limit):
      func gigabytes(_ bytes: Int) -> String { "\(Double(bytes / 100_000_000) / 10) GB" }
      return
        "\(images) images of \(dimension) numbers each take \(gigabytes(bytes)), more than \(gigabytes(limit)), "
        + "half of this machine's memory; choose a smaller side or fewer images"
    }
  }
}
