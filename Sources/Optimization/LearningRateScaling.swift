/// How the learning rate follows the batch.
public enum LearningRateScaling: String, Sendable, CaseIterable {
  /// rate · images / reference (Goyal et al. 2017, arXiv:1706.02677): DINO, BYOL and solo-learn with 256.
  case linear
  /// rate · √(images / reference) (Krizhevsky 2014, arXiv:1404.5997): DINOv2 with 1,024.
  case sqrt
  /// The rate as it is given.
  case none

  /// The learning rate of a batch of `batchSize` images, from the rate that is stated for `reference` images.
  public func callAsFunction(_ rate: Double, batchSize: Int, reference: Int) -> Double {
    switch self {
    case .linear: rate * Double(batchSize) / Double(reference)
    case .sqrt: rate * (Double(batchSize) / Double(reference)).squareRoot()
    case .none: rate
    }
  }
}

/// The learning rate of a batch, from the rate that is stated for 256 images.
///
/// The linear scaling rule (Goyal et al. 2017, arXiv:1706.02677) as DINO uses it: rate · images / 256.
public func scaledLearningRate(per256Images rate: Double, batchSize: Int) -> Double {
  LearningRateScaling.linear(rate, batchSize: batchSize, reference: 256)
}
