import EmanateTensors
import Foundation

/// An opened safetensors file: what it holds, and each tensor when asked for.
public struct SafetensorsContents: Sendable {
  /// The file.
  public let path: String
  /// The tensors' names, in the order their numbers stand in the file.
  public let names: [String]
  /// The texts under `__metadata__`.
  public let metadata: [String: String]

  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }
  private let entries: [String: Entry]
  private let data: Data
  /// Where the numbers begin, in bytes from the start of the file.
  private let start: Int

  /// Bytes per number of the types that the format has.
  private static let widths = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4,
    "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
  ]
  private static let longestHeader = 100_000_000

  init(path: String) throws(SafetensorsError) {
    self.path = path
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw .file(FileFailure(path: path, action: "read", reason: error.localizedDescription))
    }
    if data.count < 8 {
      throw .header(path: path, reason: "\(data.count) bytes are fewer than the 8 of a length")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(data[$1]) << (8 * UInt64($1)) }
    if length > Self.longestHeader {
      throw .header(
        path: path,
        reason: "its first 8 bytes announce a header of \(length) bytes; at most 100 MB are possible")
    }
    let start = 8 + Int(length)
    if start > data.count {
      throw .header(path: path, reason: "a header of \(length) bytes in a file of \(data.count): cut short?")
    }
    self.data = data
    self.start = start
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(data[8..<start]))
    } catch {
      throw .header(path: path, reason: Self.explanation(error))
    }
    metadata = header.metadata
    entries = header.entries
    names = try Self.check(header.entries, bytes: data.count - start, path)
  }

  /// The shape of a tensor; nil if the file has none of this name.
  public func shape(of name: String) -> Shape? { entries[name].map { Shape($0.shape) } }

  /// The number type of a tensor as the file has it ("F32", "BF16", ...); nil if the file has none of this
  /// name.
  public func type(of name: String) -> String? { entries[name]?.dtype }

  /// A tensor, each of its numbers rounded to the nearest float32; integers too, but for U16, U32 and U64.
  public func tensor(_ name: String) throws(SafetensorsError) -> Tensor {
    guard let entry = entries[name] else {
      throw .tensor(path: path, name: name, reason: "the file has none of this name")
    }
    guard let type = NumberType(rawValue: entry.dtype) else {
      throw .unsupportedType(path: path, name: name, type: entry.dtype)
    }
    var tensor = Tensor(uninitialized: Shape(entry.shape))
    let place = start + entry.data_offsets[0]..<start + entry.data_offsets[1]
    data.withUnsafeBytes { bytes in
      tensor.withMutableElements { elements in
        type.convert(UnsafeRawBufferPointer(rebasing: bytes[place]), into: elements)
      }
    }
    return tensor
  }

  /// A tensor that must have this shape; missing, and another shape, are errors that name both.
  public func tensor(_ name: String, shape: Shape) throws(SafetensorsError) -> Tensor {
    guard let found = self.shape(of: name) else { throw .missing(path: path, name: name, shape: shape) }
    if found != shape { throw .shapeMismatch(path: path, name: name, found: found, expected: shape) }
    return try tensor(name)
  }

  /// Checks every entry, and that together they cover the bytes without overlap or hole; gives the file's
  /// order.
  private static func check(
    _ entries: [String: Entry], bytes: Int, _ path: String
  ) throws(SafetensorsError) -> [String] {
    for (name, entry) in entries {
      func refused(_ reason: String) -> SafetensorsError { .tensor(path: path, name: name, reason: reason) }
      guard let width = widths[entry.dtype] else { throw refused("unknown number type `\(entry.dtype)`") }
      guard entry.shape.count <= 8 else { throw refused("\(entry.shape.count) axes; at most 8 are possible") }
      guard entry.shape.allSatisfy({ $0 >= 0 }) else {
        throw refused("shape \(entry.shape) has a negative size")
      }
      guard entry.data_offsets.count == 2 else {
        throw refused("\(entry.data_offsets.count) offsets instead of 2")
      }
      let (begin, end) = (entry.data_offsets[0], entry.data_offsets[1])
      guard begin >= 0, begin <= end, end <= bytes else {
        throw refused(
          "bytes \(begin) to \(end) do not lie within the file's \(bytes) bytes of numbers: cut short?")
      }
      var needed = width
      for size in entry.shape {
        let (product, overflows) = needed.multipliedReportingOverflow(by: size)
        if overflows { throw refused("shape \(entry.shape) is too large") }
        needed = product
      }
      guard needed == end - begin else {
        throw refused(
          "shape \(entry.shape) of \(entry.dtype) needs \(needed) bytes, and the file gives it \(end - begin)"
        )
      }
    }
    let order = entries.sorted { one, other in
      let (a, b) = (one.value.data_offsets, other.value.data_offsets)
      return a == b ? one.key.utf8.lexicographicallyPrecedes(other.key.utf8) : a.lexicographicallyPrecedes(b)
    }
    var covered = 0
    for (name, entry) in order {
      let begin = entry.data_offsets[0]
      if begin < covered {
        throw .tensor(path: path, name: name, reason: "begins at byte \(begin), inside the tensor before it")
      }
      if begin > covered {
        throw .tensor(
          path: path, name: name, reason: "bytes \(covered) to \(begin) before it belong to no tensor")
      }
      covered = entry.data_offsets[1]
    }
    if covered != bytes {
      throw .header(path: path, reason: "\(bytes - covered) bytes at the end belong to no tensor")
    }
    return order.map(\.key)
  }

  /// The header's JSON: an object of entries, beside the texts under `__metadata__`.
  private struct Header: Decodable {
    struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for key in container.allKeys {
        if key.stringValue == "__metadata__" {
          metadata = try container.decode([String: String].self, forKey: key)
        } else {
          entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
        }
      }
    }
  }

  private static func explanation(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "its header is not JSON" }
    let context =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
        .dataCorrupted(let context):
        context
      @unknown default: DecodingError.Context(codingPath: [], debugDescription: "unreadable")
      }
    if context.codingPath.isEmpty { return "its header is not a JSON object of tensors" }
    let key = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(
      separator: " / ")
    return "its header's entry \(key): \(context.debugDescription)"
  }
}
