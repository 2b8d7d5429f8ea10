import EmanateImages
import EmanateKernels
import EmanateTensors

/// Images prepared for evaluation, in the folder's order; what cannot be decoded is left out and reported.
public final class FeatureLoader {
  /// Some of the folder's images, prepared.
  public struct Batch: Sendable {
    /// The folder rows, ascending.
    public let samples: [Int]
    /// [samples, tokens, 3 x P x P], normalised patch rows.
    public let patches: Tensor
  }

  /// The files left out so far, in the folder's order.
  public private(set) var skipped: [SkippedFile] = []

  private let work: BatchJobs.Work
  private let batchSize: Int
  private let prefetch: Int
  private var ahead: [(rows: Range<Int>, jobs: BatchJobs)] = []
  private var submitted = 0

  /// A loader of all images of `folder`.
  ///
  /// - Parameters:
  ///   - transform: Makes one view an image, without chance.
  ///   - patch: The side of a patch in pixels; the view's side gives whole images,
  ///     [samples, 1, 3 x side x side].
  ///   - batchSize: Images in a batch; fewer in the last, and where files are left out.
  ///   - prefetch: Batches made ahead of the one asked for.
  public init(
    folder: ImageFolder, transform: any ViewMaker, patch: Int, batchSize: Int, prefetch: Int = 2,
    decoder: ImageDecoder = ImageDecoder(), pool: ThreadPool = .shared
  ) {
    precondition(batchSize > 0, "FeatureLoader: a batch of \(batchSize)")
    let groups = transform.groups
    precondition(
      groups.count == 1 && groups[0].views == 1, "FeatureLoader: the transform makes more than one view")
    work = BatchJobs.Work(
      folder: folder, maker: transform, patch: patch, decoder: decoder, cache: nil, seed: 0, pool: pool)
    self.batchSize = batchSize
    self.prefetch = prefetch
  }

  deinit { for (_, jobs) in ahead { jobs.cancel() } }

  /// The next batch that holds at least one image, or nil after the last.
  public func next() -> Batch? {
    while true {
      submitAhead()
      if ahead.isEmpty { return nil }
      let (rows, jobs) = ahead.removeFirst()
      let failures = jobs.finish()
      for slot in failures.keys.sorted() {
        skipped.append(SkippedFile(work.folder.entries[rows.lowerBound + slot], failures[slot]!))
      }
      let kept = (0..<rows.count).filter { failures[$0] == nil }
      if kept.isEmpty { continue }
      let patches = jobs.groups[0].patches
      let length = patches.count / patches.shape[0]
      for (place, slot) in kept.enumerated() where place != slot {
        (patches.pointer + place * length).update(from: patches.pointer + slot * length, count: length)
      }
      return Batch(samples: kept.map { rows.lowerBound + $0 }, patches: patches[rows: 0..<kept.count])
    }
  }

  private func submitAhead() {
    while submitted < work.folder.count && ahead.count <= prefetch {
      let rows = submitted..<min(submitted + batchSize, work.folder.count)
      let jobs = BatchJobs(work, epoch: 0, batchSize: rows.count)
      for row in rows { jobs.submit(sample: row, slot: row - rows.lowerBound) }
      ahead.append((rows, jobs))
      submitted = rows.upperBound
    }
  }
}
