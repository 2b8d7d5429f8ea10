/// A piece of HTML or SVG. Text that is put into one is escaped; other pieces are not: `"<td>\(name)</td>"`.
///
/// So what comes from files (names of images, settings, classes) cannot become markup, wherever it is used.
public struct Markup: Sendable, Hashable, ExpressibleByStringInterpolation {
  /// The markup as text.
  public private(set) var text: String

  /// Markup as it stands in a source.
  public init(stringLiteral value: String) { text = value }

  /// Literals as they are, everything else escaped.
  public init(stringInterpolation pieces: Interpolation) { text = pieces.text }

  /// Markup that was put together of safe parts: numbers, colours.
  init(made text: String) { self.text = text }

  /// Pieces one after the other.
  public init(_ pieces: [Markup], separator: String = "\n") {
    text = pieces.map(\.text).joined(separator: separator)
  }

  /// One after another.
  public static func + (a: Markup, b: Markup) -> Markup { Markup(made: a.text + b.text) }

  /// How a piece is put together.
  public struct Interpolation: StringInterpolationProtocol {
    var text = ""

    /// Room for the literals.
    public init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
    /// A literal, as it is.
    public mutating func appendLiteral(_ literal: String) { text += literal }
    /// Other markup, as it is.
    public mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    /// Markup or nothing.
    public mutating func appendInterpolation(_ markup: Markup?) { text += markup?.text ?? "" }
    /// A text, escaped.
    public mutating func appendInterpolation(_ value: some StringProtocol) { text += Markup.escaped(value) }
    /// A whole number.
    public mutating func appendInterpolation(_ value: Int) { text += String(value) }
    /// A place in a picture, to a tenth of a pixel.
    public mutating func appendInterpolation(_ value: Double) { text += Markup.place(value) }
  }

  /// A text as it stands between tags or in quotes. Control characters and those that turn the direction of writing are
  /// spelled out: in a file's name they could show another name than there is.
  static func escaped(_ value: some StringProtocol) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "\n", "\t": text.unicodeScalars.append(scalar)
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
          text += scalar.escaped(asASCII: true)
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    return text
  }

  /// A number of pixels to a tenth, without what would say nothing.
  static func place(_ value: Double) -> String {
    let tenths = (value * 10).rounded()
    guard abs(tenths) < 1e9 else { return "0" }
    let whole = Int(tenths)
    let sign = whole < 0 ? "-" : ""
    return whole % 10 == 0 ? "\(whole / 10)" : "\(sign)\(abs(whole) / 10).\(abs(whole) % 10)"
  }
}
