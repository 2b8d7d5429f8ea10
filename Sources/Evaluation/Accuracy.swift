/// How often the true class was found, in percent.
public struct Accuracy: Sendable, Hashable {
  /// The share of rows whose first class is the true one, 0...100.
  public let top1: Double
  /// The share of rows whose first five classes hold the true one, 0...100.
  public let top5: Double
  /// The number of rows.
  public let count: Int

  /// Accuracies that are known.
  public init(top1: Double, top5: Double, count: Int) {
    (self.top1, self.top5, self.count) = (top1, top5, count)
  }

  /// From each row's rank of the true class, 0 for the first place; ranks below `wide` count for `top5`.
  init(ranks: [Int], wide: Int = 5) {
    precondition(!ranks.isEmpty, "Accuracy: no rows")
    func percent(below limit: Int) -> Double {
      100 * Double(ranks.count { $0 < limit }) / Double(ranks.count)
    }
    self.init(top1: percent(below: 1), top5: percent(below: wide), count: ranks.count)
  }

  /// The mean of several measurements of the same rows.
  public static func mean(_ accuracies: [Accuracy]) -> Accuracy {
    precondition(!accuracies.isEmpty, "Accuracy.mean: nothing to average")
    let count = Double(accuracies.count)
    return Accuracy(
      top1: accuracies.reduce(0) { $0 + $1.top1 } / count,
      top5: accuracies.reduce(0) { $0 + $1.top5 } / count,
      count: accuracies[0].count)
  }
}

/// The place of `label` when scores are sorted in falling order, equal ones by index; last if its score is
/// not a number.
func rank<Scores: RandomAccessCollection>(of label: Int, in scores: Scores) -> Int
where Scores.Element: BinaryFloatingPoint, Scores.Index == Int {
  let own = scores[scores.startIndex + label]
  if own.isNaN { return scores.count }
  var rank = 0
  for (index, score) in scores.enumerated() where score > own || (score == own && index < label) { rank += 1 }
  return rank
}
