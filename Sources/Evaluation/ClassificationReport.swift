import EmanateKernels
import EmanateTensors

/// How well a classifier's scores tell labelled images apart.
public struct ClassificationReport: Sendable, Equatable {
  /// How often the first class, and one of the first five, is the true one.
  public let accuracy: Accuracy
  /// The mean of −ln p(true class), in nats.
  public let loss: Double
  /// How far the greatest probability is from how often it is right, 0...1 (Guo et al. 2017, arXiv:1706.04599, equation 3):
  /// over 15 bins of equal width, each weighted by its share of the images, |accuracy − mean probability|.
  public let calibrationError: Double
  /// confusion[true][told]: the number of images.
  public let confusion: [[Int]]

  /// Bins of `calibrationError`.
  public static let bins = 15

  /// The report on scores [N, C] of images whose classes are known; N is at least 1.
  public init(logits: Tensor, labels: [Int]) {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    precondition(
      labels.count == rows && rows > 0 && labels.allSatisfy { 0..<classes ~= $0 },
      "ClassificationReport: logits \(logits.shape), \(labels.count) labels")
    var confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    var bins = Array(repeating: (count: 0, right: 0, confidence: 0.0), count: Self.bins)
    var (ranks, loss) = ([Int](), 0.0)
    logits.float32().withElements { values in
      for (row, label) in labels.enumerated() {
        let scores = values[row * classes..<(row + 1) * classes]
        let probabilities = softmax(scores)
        let told = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
        let confidence = probabilities[told]
        // (i / 15, (i + 1) / 15]: certainty belongs to the last bin.
        let bin = min(Self.bins - 1, max(0, Int((confidence * Double(Self.bins)).rounded(.up)) - 1))
        bins[bin].count += 1
        bins[bin].confidence += confidence
        if told == label { bins[bin].right += 1 }
        confusion[label][told] += 1
        loss -= logarithm(max(probabilities[label], .leastNormalMagnitude)) / Double(rows)
        ranks.append(rank(of: label, in: scores))
      }
    }
    accuracy = Accuracy(ranks: ranks)
    (self.loss, self.confusion) = (loss, confusion)
    calibrationError = bins.reduce(0) { $0 + abs(Double($1.right) - $1.confidence) / Double(rows) }
  }

  /// The share of each class's images that are told right, in percent; nil for a class without images.
  public var classAccuracies: [Double?] {
    confusion.enumerated().map { label, row in
      let count = row.reduce(0, +)
      return count == 0 ? nil : 100 * Double(row[label]) / Double(count)
    }
  }
}
