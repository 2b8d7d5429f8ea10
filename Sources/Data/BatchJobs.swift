import EmanateAugmentations
import EmanateImages
import EmanateKernels
import EmanateTensors
import Synchronization

/// A batch in the making: one job a sample decodes a file and writes its views into the tensors.
final class BatchJobs: Sendable {
  /// What every job of a loader needs.
  struct Work: Sendable {
    let folder: ImageFolder
    let maker: any ViewMaker
    let patch: Int
    let decoder: ImageDecoder
    let cache: ImageCache?
    let seed: UInt64
    /// How many views of an image the epochs take in turn; nil for new ones each epoch.
    var fixedViews: Int?
    let pool: ThreadPool
    let workspaces = Workspaces()
    let gate = LargeImageGate()
  }

  /// The memory of jobs that are not running: at most one a thread is ever made.
  final class Workspaces: Sendable {
    private let idle = Mutex<[ViewWorkspace]>([])

    func take() -> ViewWorkspace { idle.withLock { $0.popLast() } ?? ViewWorkspace() }
    func giveBack(_ workspace: consuming ViewWorkspace) {
      var workspace = workspace
      workspace.releaseExcess()
      idle.withLock { [workspace] in $0.append(workspace) }
    }
  }

  let groups: [ViewGroup]
  private let work: Work
  private let epoch: Int
  private let batchSize: Int
  private let unfinished = Atomic<Int>(0)
  private let isCancelled = Atomic<Bool>(false)
  private let failures = Mutex<[Int: ImageDecodingError]>([:])

  init(_ work: Work, epoch: Int, batchSize: Int) {
    self.work = work
    self.epoch = epoch
    self.batchSize = batchSize
    groups = work.maker.groups.map {
      ViewGroup(views: $0.views, side: $0.side, patch: work.patch, batchSize: batchSize)
    }
  }

  /// Queues the decoding of `sample` into `slot`.
  func submit(sample: Int, slot: Int) {
    unfinished.add(1, ordering: .relaxed)
    work.pool.submit { [self] in
      if !isCancelled.load(ordering: .relaxed) { run(sample: sample, slot: slot) }
      unfinished.subtract(1, ordering: .releasing)
    }
  }

  /// Works on loading jobs until this batch has none left; the failures by slot, each reported once.
  func finish() -> [Int: ImageDecodingError] {
    work.pool.work { unfinished.load(ordering: .acquiring) == 0 }
    return failures.withLock { failures in
      let found = failures
      failures = [:]
      return found
    }
  }

  /// Lets jobs that have not begun return at once.
  func cancel() { isCancelled.store(true, ordering: .relaxed) }

  private func run(sample: Int, slot: Int) {
    do throws(ImageDecodingError) {
      let entry = work.folder.entries[sample]
      let key = work.cache?.key(of: entry, for: work.maker.mode, decoder: work.decoder)
      if let key,
        let kept = profiled("cache", EmanateKernels.Work(numbers: 0), { work.cache?.store.image(key) })
      {
        makeViews(of: kept, sample: sample, slot: slot)
        return
      }
      let read = profiled("reading of files", EmanateKernels.Work(numbers: entry.bytes / 4)) {
        Result { () throws(ImageDecodingError) in try work.decoder.bytes(of: entry.file) }
      }
      let bytes = try read.get()
      try work.gate(bytes, work.decoder) { () throws(ImageDecodingError) in
        var image = try work.decoder.decode(bytes, for: work.maker.mode, path: entry.path)
        if let cache = work.cache {
          image = image.reduced(toShortSide: cache.side)
          if let key { cache.store.keep(image, as: key) }
        }
        makeViews(of: image, sample: sample, slot: slot)
      }
    } catch {
      failures.withLock { $0[slot] = error }
    }
  }

  private func makeViews(of image: DecodedImage, sample: Int, slot: Int) {
    var rows: [UnsafeMutableBufferPointer<Float>] = []
    for group in groups {
      let length = group.patches.shape[1] * group.patches.shape[2]
      for view in 0..<group.views {
        rows.append(
          UnsafeMutableBufferPointer(
            start: group.patches.pointer + (view * batchSize + slot) * length, count: length))
      }
    }
    var workspace = work.workspaces.take()
    // Fixed views are an image's own, whatever the run's seed and the image's row.
    let (seed, turn, number) =
      work.fixedViews.map { (0, epoch % $0, work.folder.entries[sample].fixedNumber) }
      ?? (work.seed, epoch, sample)
    work.maker.makeViews(
      of: image, seed: seed, epoch: turn, sample: number, patch: work.patch, using: &workspace, into: rows)
    work.workspaces.giveBack(workspace)
  }
}
