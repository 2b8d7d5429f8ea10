import EmanateKernels

/// One labelled folder cut into a part to train on and a part to test on, class by class.
public struct Split: Sendable, Equatable {
  /// Rows to train on, ascending.
  public let train: [Int]
  /// Rows to test on, ascending.
  public let test: [Int]

  /// Takes the rounded `testShare` of every class for the test, at random under `seed`.
  ///
  /// A class of two images or more gives at least one to either part; an only image is trained on.
  /// - Parameters:
  ///   - labels: The class of each row.
  ///   - testShare: Between 0 and 1, both excluded.
  ///   - seed: The same seed gives the same split.
  public init(labels: [Int], testShare: Double, seed: UInt64) {
    precondition(testShare > 0 && testShare < 1, "Split: a test share of \(testShare) is not between 0 and 1")
    var isTest = [Bool](repeating: false, count: labels.count)
    let classes = Dictionary(grouping: labels.indices) { labels[$0] }
    for (label, rows) in classes where rows.count >= 2 {
      let wanted = (Double(rows.count) * testShare).rounded()
      let count = min(max(Int(wanted), 1), rows.count - 1)
      var generator = KeyedGenerator(seed: seed, purpose: .split, label)
      for place in generator.permutation(rows.count).prefix(count) { isTest[rows[place]] = true }
    }
    train = labels.indices.filter { !isTest[$0] }
    test = labels.indices.filter { isTest[$0] }
  }
}
