/// How a batch's targets are spread over the prototypes: what tells a sure teacher from a collapsed one.
public struct TargetStatistics: Sendable, Equatable {
  /// The number of prototypes, K.
  public let prototypes: Int
  /// The mean of the targets' entropies, in nats: ln K where every target is uniform, 0 where each is one-hot.
  public let meanEntropy: Double
  /// The entropy of the mean target, in nats: 0 where one prototype is given to all, whatever the targets' own
  /// entropies; at most ln K, and of N one-hot targets at most ln N.
  public let entropyOfMean: Double
  /// For every target the prototype with its greatest share, the first of equal ones.
  public let favourites: [Int]

  /// Statistics that are known.
  public init(prototypes: Int, meanEntropy: Double, entropyOfMean: Double, favourites: [Int]) {
    (self.prototypes, self.favourites) = (prototypes, favourites)
    (self.meanEntropy, self.entropyOfMean) = (meanEntropy, entropyOfMean)
  }

  /// The mutual information of image and prototype, in nats: what a target tells about its image. It is 0 in every
  /// collapse of the targets, one-hot or uniform.
  public var information: Double { entropyOfMean - meanEntropy }
}
