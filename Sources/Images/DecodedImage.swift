/// How images become views.
public enum DataMode: String, Sendable, Codable, CaseIterable {
  /// Pillow's resampling bit for bit.
  case exact
  /// A JPEG file's own luma and chroma in 16-bit arithmetic: most levels the same, few off by one.
  case fast
}

/// An image as a mode reads it.
public enum DecodedImage: Sendable, Equatable {
  /// Red, green and blue side by side.
  case pixels(Image)
  /// A JPEG file's own planes, for `DataMode.fast`.
  case planes(ImagePlanes)

  /// Pixels in a row.
  public var width: Int {
    switch self {
    case .pixels(let image): image.width
    case .planes(let planes): planes.width
    }
  }

  /// Rows.
  public var height: Int {
    switch self {
    case .pixels(let image): image.height
    case .planes(let planes): planes.height
    }
  }
}
