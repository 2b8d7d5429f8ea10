/// Where a file is, in the file system's own bytes, and how to show it: a name need not be text.
public struct FilePath: Sendable, Hashable, CustomStringConvertible {
  /// The path as text; a byte that is not UTF-8 stands as `\xE9`.
  public let description: String
  /// The bytes, without a closing zero, where `description` is not the path itself.
  private let raw: [UInt8]?

  /// A path that is text.
  public init(_ path: String) { (description, raw) = (path, nil) }

  /// The path whose bytes, without a closing zero, are `bytes`.
  public init(bytes: [UInt8]) {
    if let text = String(validating: bytes, as: UTF8.self) {
      (description, raw) = (text, nil)
    } else {
      (description, raw) = (Self.escaped(bytes), bytes)
    }
  }

  /// What the file system knows the file by, without a closing zero.
  public var bytes: [UInt8] { raw ?? Array(description.utf8) }

  /// The path of `name` inside this folder.
  package func appending(_ name: FilePath) -> FilePath {
    let separator = description.hasSuffix("/") ? "" : "/"
    guard raw != nil || name.raw != nil else { return FilePath(description + separator + name.description) }
    return FilePath(bytes: bytes + Array(separator.utf8) + name.bytes)
  }

  /// The path as C's functions take it.
  package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    guard let raw else { return description.withCString(body) }
    return (raw + [0]).withUnsafeBufferPointer {
      $0.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
    }
  }

  private static func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    var place = 0
    var source = bytes.makeIterator()
    var parser = UTF8.ForwardParser()
    while true {
      switch parser.parseScalar(from: &source) {
      case .valid(let scalar):
        text.unicodeScalars.append(UTF8.decode(scalar))
        place += scalar.count
      case .error(let length):
        for byte in bytes[place..<place + length] {
          text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        place += length
      case .emptyInput: return text
      }
    }
  }
}
