/// A setting as text: what stands in a YAML file or after `--set path=`.
public enum SettingText: Hashable, Sendable, CustomStringConvertible {
  /// A single word or number.
  case scalar(String)
  /// Several, as in `[0.4, 1]`.
  case list([String])

  /// The text as it is written in YAML.
  public var description: String {
    switch self {
    case .scalar(let text): Self.isPlain(text) ? text : Self.quoted(text)
    case .list(let texts):
      "[" + texts.map { SettingText.scalar($0).description }.joined(separator: ", ") + "]"
    }
  }

  /// Whether a text stands for itself in YAML; signs alone (`-`, `---`, `...`) mean something else there.
  private static func isPlain(_ text: String) -> Bool {
    var hasLetterOrDigit = false
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        hasLetterOrDigit = true
      case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "-"):
        continue
      default: return false
      }
    }
    return hasLetterOrDigit
  }

  private static func quoted(_ text: String) -> String {
    func hexadecimal(_ scalar: Unicode.Scalar) -> String { String(scalar.value, radix: 16) }
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\t": "\\t"
      case _ where Self.isEscaped(scalar):
        "\\U" + String(repeating: "0", count: 8 - hexadecimal(scalar).count) + hexadecimal(scalar)
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }

  /// What YAML does not take as it is, or takes for the end of a line (YAML 1.1, sections 4.1.1 and 4.1.4).
  private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
    default: false
    }
  }
}

/// A type that a setting can have.
public protocol SettingValue: Hashable, Sendable {
  /// The value a text stands for; nil if it stands for none.
  init?(_ text: SettingText)
  /// The text that stands for this value; reading it gives the value again.
  var text: SettingText { get }
  /// What a value of this type looks like, for error messages: "a whole number".
  static var form: String { get }
  /// The numbers in it that a range of allowed values applies to.
  var numbers: [Double] { get }
}

extension SettingValue {
  /// No numbers: ranges do not apply.
  public var numbers: [Double] { [] }
}

extension Int: SettingValue {
  /// From decimal digits; underscores between them are allowed (`65_536`).
  public init?(_ text: SettingText) {
    guard case .scalar(let digits) = text, let value = Int(digits.replacing("_", with: "")) else {
      return nil
    }
    self = value
  }
  /// Decimal digits.
  public var text: SettingText { .scalar(String(self)) }
  /// A whole number.
  public static var form: String { "a whole number" }
  /// The number itself.
  public var numbers: [Double] { [Double(self)] }
}

extension Double: SettingValue {
  /// From a decimal number; not a number and the infinities are refused.
  public init?(_ text: SettingText) {
    guard case .scalar(let digits) = text, let value = Double(digits), value.isFinite else { return nil }
    self = value
  }
  /// As many digits as it takes to read back the same number.
  public var text: SettingText { .scalar("\(self)") }
  /// A number.
  public static var form: String { "a number" }
  /// The number itself.
  public var numbers: [Double] { [self] }
}

extension Bool: SettingValue {
  /// From `true` or `false`.
  public init?(_ text: SettingText) {
    guard case .scalar(let word) = text, let value = Bool(word) else { return nil }
    self = value
  }
  /// `true` or `false`.
  public var text: SettingText { .scalar(String(self)) }
  /// The two words.
  public static var form: String { "true or false" }
}

extension String: SettingValue {
  /// From any text but the empty one.
  public init?(_ text: SettingText) {
    guard case .scalar(let word) = text, !word.isEmpty else { return nil }
    self = word
  }
  /// The text itself.
  public var text: SettingText { .scalar(self) }
  /// A name or a path.
  public static var form: String { "a name or a path" }
}

extension ClosedRange<Double>: SettingValue {
  /// From two numbers in a list, the smaller first.
  public init?(_ text: SettingText) {
    guard case .list(let texts) = text, texts.count == 2, let low = Double(SettingText.scalar(texts[0])),
      let high = Double(SettingText.scalar(texts[1])), low <= high
    else { return nil }
    self = low...high
  }
  /// Both ends in a list.
  public var text: SettingText { .list(["\(lowerBound)", "\(upperBound)"]) }
  /// Two numbers in a list.
  public static var form: String { "[smallest, largest]" }
  /// Both ends.
  public var numbers: [Double] { [lowerBound, upperBound] }
}

extension Array: SettingValue where Element: SettingValue {
  /// From a list of values.
  public init?(_ text: SettingText) {
    guard case .list(let texts) = text else { return nil }
    let values = texts.compactMap { Element(SettingText.scalar($0)) }
    guard values.count == texts.count else { return nil }
    self = values
  }
  /// The values in a list.
  public var text: SettingText {
    .list(
      map { value in
        guard case .scalar(let text) = value.text else { return value.text.description }
        return text
      })
  }
  /// A list.
  public static var form: String { "a list, each \(Element.form)" }
  /// All the values' numbers.
  public var numbers: [Double] { flatMap(\.numbers) }
}

/// One of a closed set of words.
public protocol WordSetting: SettingValue, CaseIterable, RawRepresentable where RawValue == String {}

extension WordSetting {
  /// From one of the words.
  public init?(_ text: SettingText) {
    guard case .scalar(let word) = text else { return nil }
    self.init(rawValue: word)
  }
  /// The word.
  public var text: SettingText { .scalar(rawValue) }
  /// All the words.
  public static var form: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
}

/// A value, or the word that stands for having none of one's own.
public protocol WordOrValue: SettingValue {
  /// What there is if the word is not used.
  associatedtype Value: SettingValue
  /// The word.
  static var word: String { get }
  /// The value; nil for the word.
  var value: Value? { get }
  /// The value; nil for the word.
  init(_ value: Value?)
}

extension WordOrValue {
  /// From the word or a value's text.
  public init?(_ text: SettingText) {
    if text == .scalar(Self.word) {
      self.init(Value?.none)
    } else {
      guard let value = Value(text) else { return nil }
      self.init(Optional(value))
    }
  }
  /// The word or the value's text.
  public var text: SettingText { value?.text ?? .scalar(Self.word) }
  /// The word, or the value's form.
  public static var form: String { "`\(word)` or \(Value.form)" }
  /// The value's numbers.
  public var numbers: [Double] { value?.numbers ?? [] }
}

/// A value, or `off`.
public enum OffOr<Value: SettingValue>: WordOrValue {
  /// Switched off.
  case off
  /// Switched on, with this value.
  case on(Value)
  /// The word in files.
  public static var word: String { "off" }
  /// The value; nil when off.
  public var value: Value? { if case .on(let value) = self { value } else { nil } }
  /// On with a value, off with nil.
  public init(_ value: Value?) { self = value.map(Self.on) ?? .off }
}

/// A value, or what the augmentation recipe says.
public enum RecipeOr<Value: SettingValue>: WordOrValue {
  /// As the recipe says.
  case recipe
  /// This value instead of the recipe's.
  case override(Value)
  /// The word in files.
  public static var word: String { "recipe" }
  /// The value; nil when the recipe's is meant.
  public var value: Value? { if case .override(let value) = self { value } else { nil } }
  /// The value, or the recipe's with nil.
  public init(_ value: Value?) { self = value.map(Self.override) ?? .recipe }
}

/// A value, or what the named architecture says.
public enum PresetOr<Value: SettingValue>: WordOrValue {
  /// As the architecture of that name has it.
  case preset
  /// This value instead.
  case override(Value)
  /// The word in files.
  public static var word: String { "preset" }
  /// The value; nil when the preset's is meant.
  public var value: Value? { if case .override(let value) = self { value } else { nil } }
  /// The value, or the preset's with nil.
  public init(_ value: Value?) { self = value.map(Self.override) ?? .preset }
}
