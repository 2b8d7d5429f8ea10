import EmanateImages

/// A picture in a run's event files.
public struct RunPicture: Sendable {
  /// Its tag there: a group and a name, `sample/views` say.
  public let name: String
  /// The picture.
  public let image: Image
  /// What it shows, in a sentence.
  public let description: String

  /// A picture with its tag and a sentence.
  public init(_ name: String, _ image: Image, description: String) {
    (self.name, self.image, self.description) = (name, image, description)
  }
}
