/// Mean and spread of a figure that was found with several seeds.
public struct SeedStatistics: Sendable, Equatable {
  /// The figure, a number a seed.
  public let values: [Double]

  /// One number a seed; at least one.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "SeedStatistics: no values")
    self.values = values
  }

  /// What another network gained over this one with the same seeds, seed by seed: the spread of the differences is what
  /// counts, because equal seeds share images held out and the order of the others.
  public init(gainOf values: [Double], over baseline: [Double]) {
    precondition(
      values.count == baseline.count, "SeedStatistics: \(values.count) seeds and \(baseline.count)")
    self.init(zip(values, baseline).map { $0 - $1 })
  }

  /// The mean.
  public var mean: Double { values.reduce(0, +) / Double(values.count) }

  /// The standard deviation of the seeds, with n − 1; nil for a single one.
  public var deviation: Double? {
    if values.count < 2 { return nil }
    let mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }

  /// Where the true mean lies with 95 %, by Student's t of n − 1 degrees of freedom; nil for a single seed.
  public var interval: ClosedRange<Double>? {
    guard let deviation else { return nil }
    let reach =
      StudentT(degrees: values.count - 1).bound(of: 0.95) * deviation / Double(values.count).squareRoot()
    return mean - reach...mean + reach
  }
}
