import EmanateInterchange
import Foundation

/// A file of JSON objects, one a line, flushed line by line; what a resumed run must forget is cut off.
final class JSONLines {
  private let path: String
  private let descriptor: Int32

  /// Opens for appending, creating the file if need be.
  init(appendingTo path: String) throws(FileFailure) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    if descriptor < 0 {
      throw FileFailure(path: path, action: "open", reason: String(cString: strerror(errno)))
    }
  }

  deinit { close(descriptor) }

  /// Appends one line in one write.
  func append(_ fields: [(String, JSONValue)]) throws(FileFailure) {
    let line = "{" + fields.map { "\"\($0)\":\($1.text)" }.joined(separator: ",") + "}\n"
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        throw FileFailure(path: path, action: "write", reason: String(cString: strerror(errno)))
      }
      bytes = bytes.dropFirst(written)
    }
  }

  /// Keeps the lines of steps before `step` and drops the rest, a torn last line included.
  static func cut(_ path: String, beforeStep step: Int) throws(FileFailure) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
    var kept = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      guard
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let number = object["step"] as? Int, number < step
      else { continue }
      kept += line + "\n"
    }
    if kept != text { try DurableFile.write(kept, to: path) }
  }
}

/// A value in a line of JSON.
enum JSONValue {
  case integer(Int)
  /// Six significant digits.
  case number(Double)
  case string(String)
  /// Numbers by name, each of six significant digits.
  case numbers([(String, Double)])

  var text: String {
    switch self {
    case .integer(let value): return String(value)
    case .number(let value):
      return value.isFinite ? String(format: "%.6g", value) : "null"
    case .string(let value):
      let data = try? JSONSerialization.data(
        withJSONObject: value, options: [.fragmentsAllowed, .withoutEscapingSlashes])
      return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    case .numbers(let values):
      let parts = values.map { JSONValue.string($0.0).text + ":" + JSONValue.number($0.1).text }
      return "{" + parts.joined(separator: ",") + "}"
    }
  }
}
