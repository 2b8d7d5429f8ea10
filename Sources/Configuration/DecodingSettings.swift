import EmanateImages

extension ExperimentConfiguration {
  /// How files are decoded.
  public var imageDecoder: ImageDecoder {
    ImageDecoder(
      orientation: data.orientation == .apply ? .apply : .ignore,
      alpha: data.alpha == .over ? .over(data.background) : .drop, pixelLimit: data.pixelLimit)
  }
}

extension Color: SettingValue {
  /// From three whole numbers of 0 to 255 in a list: red, green, blue.
  public init?(_ text: SettingText) {
    guard case .list(let texts) = text, texts.count == 3 else { return nil }
    let levels = texts.compactMap { UInt8($0) }
    guard levels.count == 3 else { return nil }
    self.init(red: levels[0], green: levels[1], blue: levels[2])
  }
  /// The three levels in a list.
  public var text: SettingText { .list([red, green, blue].map(String.init)) }
  /// Three levels in a list.
  public static var form: String { "[red, green, blue], each from 0 to 255" }
}
