import EmanateImages
import EmanateKernels
import EmanateTensors

/// Delivers the batches of a training run in order: decoding and augmentation run on the pool, a few batches
/// ahead.
///
/// Which samples a step sees and what their views look like follows from folder, seed and step alone, not
/// from the number of threads, the prefetch or where the run began. An epoch has count / B whole batches (the
/// remainder is left out, another one each epoch). A file that cannot be decoded is replaced by the next of
/// the epoch's order that no batch holds: the epoch's remainder first, then the order from its beginning.
///
/// A loader that starts in the middle of an epoch must know which files were found unreadable before: pass
/// the `state` that the loader had after the step before (it belongs in the checkpoint).
///
/// For one thread, the one that trains. It waits for a batch by working on loading jobs itself.
public final class Loader {
  /// What a resumed loader must be told: the files found unreadable so far, in the order of their discovery.
  public struct State: Sendable, Equatable, Codable {
    /// The unreadable files of all batches delivered so far.
    public var skipped: [SkippedFile]

    /// The state before any file was read, or after these were found unreadable.
    public init(skipped: [SkippedFile] = []) { self.skipped = skipped }
  }

  /// How a loader works.
  public struct Options: Sendable {
    /// Batches made ahead of the one asked for; memory holds at most this many and one more.
    public var prefetch: Int
    /// The share of the folder's files that may be unreadable before the run stops, 0...1.
    public var unreadableShare: Double
    /// How files are decoded.
    public var decoder: ImageDecoder
    /// Where decoded images are kept; nil to decode them each time.
    public var cache: ImageCache?
    /// How many views of an image the epochs take in turn, the same in every run; nil for new ones each epoch.
    public var fixedViews: Int?

    /// Two batches ahead and 1 % unreadable files, unless said otherwise.
    public init(prefetch: Int = 2, unreadableShare: Double = 0.01, decoder: ImageDecoder = ImageDecoder()) {
      precondition(prefetch >= 0, "Loader: a prefetch of \(prefetch) batches")
      self.prefetch = prefetch
      self.unreadableShare = unreadableShare
      self.decoder = decoder
    }
  }

  /// Whole batches in an epoch.
  public let stepsPerEpoch: Int
  /// B.
  public let batchSize: Int
  /// The step whose batch comes next.
  public private(set) var step: Int
  /// What a loader that continues from `step` must be given.
  public private(set) var state: State

  private let work: BatchJobs.Work
  private let order: EpochOrder
  private let end: Int
  private let options: Options
  private var assignment: EpochAssignment
  private var planned: EpochAssignment
  private var ahead: [BatchJobs] = []
  private var submitted: Int
  private var unreadable: Set<Int>

  /// A loader of the batches of `steps`.
  ///
  /// - Parameters:
  ///   - folder: The images; a sample is a row of it.
  ///   - maker: What makes the views.
  ///   - patch: The side of a patch in pixels.
  ///   - batchSize: B, at most the number of images.
  ///   - seed: The run's seed, for order and views.
  ///   - steps: From the first step to make to the run's end; step 0 begins epoch 0.
  ///   - state: For a start at a later step, the `state` of the loader that delivered the step before.
  ///   - pool: Whose threads do the work.
  public init(
    folder: ImageFolder, maker: any ViewMaker, patch: Int, batchSize: Int, seed: UInt64, steps: Range<Int>,
    options: Options = Options(), state: State = State(), pool: ThreadPool = .shared
  ) throws(LoaderError) {
    precondition(batchSize > 0, "Loader: a batch of \(batchSize)")
    guard folder.count >= batchSize else {
      throw .tooFewImages(images: folder.count, batchSize: batchSize)
    }
    work = BatchJobs.Work(
      folder: folder, maker: maker, patch: patch, decoder: options.decoder, cache: options.cache, seed: seed,
      fixedViews: options.fixedViews, pool: pool)
    order = EpochOrder(count: folder.count, seed: seed)
    stepsPerEpoch = folder.count / batchSize
    self.batchSize = batchSize
    self.options = options
    self.state = state
    step = steps.lowerBound
    submitted = step
    end = steps.upperBound
    unreadable = Self.rows(of: state.skipped, in: folder)
    let epoch = step / stepsPerEpoch
    assignment = EpochAssignment(epoch: epoch, order: order.order(epoch), batchSize: batchSize)
    planned = assignment
    // Uses up the replacements that the epoch's earlier batches took.
    for number in 0..<step % stepsPerEpoch { _ = assignment.members(number, unreadable: unreadable) }
  }

  deinit { for jobs in ahead { jobs.cancel() } }

  /// The next batch, or nil after the last step.
  ///
  /// Throws when too many files are unreadable; the loader is of no use after that.
  public func next() throws(LoaderError) -> MultiViewBatch? {
    guard step < end else { return nil }
    submitAhead()
    let jobs = ahead.removeFirst()
    let batch = try resolve(jobs)
    step += 1
    return batch
  }

  /// Starts the jobs of the next batch and of the batches of the prefetch.
  private func submitAhead() {
    while submitted < end && submitted <= step + options.prefetch {
      let epoch = submitted / stepsPerEpoch
      if planned.epoch != epoch {
        planned = EpochAssignment(epoch: epoch, order: order.order(epoch), batchSize: batchSize)
      }
      let jobs = BatchJobs(work, epoch: epoch, batchSize: batchSize)
      for (slot, sample) in planned.planned(submitted % stepsPerEpoch).enumerated()
      where !unreadable.contains(sample) { jobs.submit(sample: sample, slot: slot) }
      ahead.append(jobs)
      submitted += 1
    }
  }

  /// Waits for the batch of `step` and fills the slots of unreadable files.
  private func resolve(_ jobs: BatchJobs) throws(LoaderError) -> MultiViewBatch {
    let (epoch, number) = (step / stepsPerEpoch, step % stepsPerEpoch)
    if assignment.epoch != epoch {
      assignment = EpochAssignment(epoch: epoch, order: order.order(epoch), batchSize: batchSize)
    }
    var written = assignment.planned(number)
    var found: [SkippedFile] = []
    try note(jobs.finish(), of: written, &found)
    while true {
      // From the same start each time: a replacement that is unreadable shifts those after it.
      var trial = assignment
      guard let members = trial.members(number, unreadable: unreadable) else {
        throw .nothingReadable(first: Array(state.skipped.prefix(10)))
      }
      if members == written {
        assignment = trial
        return MultiViewBatch(
          groups: jobs.groups, batchSize: batchSize, samples: members, skipped: found)
      }
      for slot in members.indices where members[slot] != written[slot] {
        jobs.submit(sample: members[slot], slot: slot)
      }
      written = members
      try note(jobs.finish(), of: written, &found)
    }
  }

  /// Enters failures in slot order, and stops past the allowed share.
  private func note(
    _ failures: [Int: ImageDecodingError], of samples: [Int], _ found: inout [SkippedFile]
  ) throws(LoaderError) {
    for slot in failures.keys.sorted() where unreadable.insert(samples[slot]).inserted {
      found.append(SkippedFile(work.folder.entries[samples[slot]], failures[slot]!))
      state.skipped.append(found.last!)
    }
    if Double(state.skipped.count) > options.unreadableShare * Double(work.folder.count) {
      throw .tooManyUnreadable(
        count: state.skipped.count, images: work.folder.count, share: options.unreadableShare,
        first: Array(state.skipped.prefix(10)))
    }
  }

  private static func rows(of skipped: [SkippedFile], in folder: ImageFolder) -> Set<Int> {
    let keys = Set(skipped.map { "\($0.root)/\($0.relativePath)" })
    if keys.isEmpty { return [] }
    return Set(
      folder.entries.indices.filter {
        keys.contains("\(folder.entries[$0].root)/\(folder.entries[$0].relativePath)")
      })
  }
}
