/// The augmentations that recipes can name, unless a list of others is handed along.
public enum AugmentationRegistry {
  /// Every augmentation; a line here enrols one in recipes and in the tests.
  public static let all: [any Augmentation.Type] = [
    HorizontalFlip.self,
    ColorJitter.self,
    Grayscale.self,
    GaussianBlur.self,
    Solarize.self,
    VerticalFlip.self,
    Rotation.self,
    RandAugment.self,
    RandomErasing.self,
  ]

  /// What mixes the images of a batch; a line here enrols one in the tests.
  public static let mixing: [any BatchMixing.Type] = [Mixup.self, CutMix.self]

  /// The augmentation that recipes call `name`, among those of a list.
  public static func type(
    named name: String, among known: [any Augmentation.Type] = all
  ) -> (any Augmentation.Type)? {
    known.first { $0.name == name }
  }
}
