/// The samples of a batch that a residual branch is computed for (stochastic depth, Huang et al. 2016,
/// arXiv:1603.09382); a dropped sample's branch is zero, so nothing is computed for it.
public struct KeptSamples: Sendable {
  /// For each row of the branch its row in the full batch.
  let rows: [Int32]
  /// Which samples are kept, rising.
  public let samples: [Int]
  /// What the branch is multiplied with: 1 / (1 - rate), so that its expectation is unchanged.
  public let scale: Float

  /// Keeps `samples` (indices in the batch, rising) of `tokens` rows each.
  public init(samples: [Int], tokens: Int, scale: Float) {
    rows = samples.flatMap { sample in (0..<tokens).map { Int32(sample * tokens + $0) } }
    self.samples = samples
    self.scale = scale
  }

  /// How many samples are kept.
  public var count: Int { samples.count }

  /// The same choice for samples of another number of tokens.
  public init(_ other: KeptSamples, tokens: Int) {
    self.init(samples: other.samples, tokens: tokens, scale: other.scale)
  }
}

/// The map's place in memory, or none.
func withMap<Result>(_ map: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Result) -> Result {
  guard let map else { return body(nil) }
  return map.withUnsafeBufferPointer { body($0.baseAddress) }
}
