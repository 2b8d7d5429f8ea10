/// A colour of three levels, 0...255.
public struct Color: Sendable, Hashable {
  /// How much of each.
  public let red, green, blue: UInt8

  /// A colour of these levels.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// All three levels 255.
  public static let white = Color(red: 255, green: 255, blue: 255)
}
