import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Synchronization

/// How the views of `DataMode.fast` differ from the exact ones, in levels.
public struct ModeComparison: Sendable, Equatable, Encodable {
  /// Levels compared: 3 x side x side a view.
  public private(set) var levels = 0
  /// How many levels are off by 0, 1, 2, ..., 255.
  public private(set) var histogram = [Int](repeating: 0, count: 256)

  /// Compares the views that `recipe` makes of the folder's images in epoch 0; unreadable images are left out.
  public init(
    _ folder: ImageFolder, recipe: Recipe, seed: UInt64, decoder: ImageDecoder = ImageDecoder(),
    pool: ThreadPool = .shared
  ) throws {
    let (exact, fast) = (try MultiCrop(recipe, mode: .exact), try MultiCrop(recipe, mode: .fast))
    let total = Mutex([Int](repeating: 0, count: 256))
    pool.forEach(folder.count) { sample in
      let path = folder.entries[sample].file
      guard let pixels = try? decoder.decode(contentsOf: path, for: .exact),
        let planes = try? decoder.decode(contentsOf: path, for: .fast)
      else { return }
      var counts = [Int](repeating: 0, count: 256)
      for view in 0..<exact.viewCount {
        let a = exact.view(view, of: pixels, seed: seed, epoch: 0, sample: sample).pixels
        let b = fast.view(view, of: planes, seed: seed, epoch: 0, sample: sample).pixels
        for (a, b) in zip(a, b) { counts[abs(Int(a) - Int(b))] += 1 }
      }
      total.withLock { total in for (step, count) in counts.enumerated() { total[step] += count } }
    }
    histogram = total.withLock { $0 }
    levels = histogram.reduce(0, +)
  }

  /// The mean difference, in levels.
  public var mean: Double {
    Double(histogram.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / Double(max(levels, 1))
  }

  /// The share of levels that are off by more than `bound`.
  public func share(above bound: Int) -> Double {
    Double(histogram[(bound + 1)...].reduce(0, +)) / Double(max(levels, 1))
  }

  /// The greatest difference.
  public var greatest: Int { histogram.lastIndex { $0 > 0 } ?? 0 }
}
