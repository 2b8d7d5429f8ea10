/// The augmentations that recipes can name.
public enum AugmentationRegistry {
  /// Every augmentation; a line here enrols one in recipes and in the tests.
  public static let all: [any Augmentation.Type] = [
    HorizontalFlip.self,
    ColorJitter.self,
    Grayscale.self,
    GaussianBlur.self,
    Solarize.self,
  ]

  /// The augmentation that recipes call `name`.
  public static func type(named name: String) -> (any Augmentation.Type)? { all.first { $0.name == name } }
}
