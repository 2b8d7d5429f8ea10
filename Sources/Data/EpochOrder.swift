import EmanateKernels

/// The order in which an epoch takes the samples: a permutation that follows from seed and epoch alone.
public struct EpochOrder: Sendable {
  /// The number of samples.
  public let count: Int
  /// The run's seed.
  public let seed: UInt64

  /// Orders of `count` samples.
  public init(count: Int, seed: UInt64) {
    self.count = count
    self.seed = seed
  }

  /// The samples 0..<count in the order of `epoch` (from 0).
  public func order(_ epoch: Int) -> [Int] {
    var generator = KeyedGenerator(seed: seed, purpose: .order, epoch)
    return generator.permutation(count)
  }
}
