/// How images are prepared for a network that is only read from: how much of them it sees, and on which scale.
public struct ImagePreparation: Sendable, Equatable {
  /// What brings levels to the numbers it was trained on.
  public var normalization: Normalization
  /// The side of the centred crop over the short side of the resized image, above 0, at most 1 (timm's `crop_pct`).
  public var crop: Double

  /// 224 of 256 pixels: DINO's evaluation (eval_knn.py), and nearly everybody's for photographs.
  public static let usualCrop = 0.875

  /// A preparation; DINO's crop if nothing is said.
  public init(_ normalization: Normalization, crop: Double = usualCrop) {
    (self.normalization, self.crop) = (normalization, crop)
  }

  /// ImageNet's mean and deviation, DINO's crop.
  public static let imageNet = ImagePreparation(.imageNet)
  /// Levels 0...1 as they are, DINO's crop.
  public static let levels = ImagePreparation(Normalization(mean: [0, 0, 0], std: [1, 1, 1]))
}

extension Recipe {
  /// How images are prepared for networks that learned by this recipe.
  public var preparation: ImagePreparation {
    ImagePreparation(Normalization(mean: mean, std: std), crop: evaluationCrop)
  }

  /// The same views on another scale, judged by another crop.
  public mutating func prepare(as preparation: ImagePreparation) {
    (mean, std) = (preparation.normalization.mean, preparation.normalization.std)
    evaluationCrop = preparation.crop
  }
}
