import EmanateTensors
import Foundation

/// Reads and writes named tensors in Hugging Face's safetensors format.
///
/// A file is: the header's length (8 bytes, little-endian), the header (JSON: for each tensor its `dtype`,
/// `shape` and `data_offsets` into the rest, and text under `__metadata__`), then the numbers, little-endian
/// and row-major. https://github.com/huggingface/safetensors
public enum Safetensors {
  /// Writes float32 tensors in the byte order of their names; equal contents give equal bytes.
  ///
  /// The header is padded with spaces to a multiple of 8 bytes, its keys are sorted, and the bytes are those
  /// that the authors' library writes for the same float32 tensors. With `synchronized` the file is on the
  /// disk when this returns (fsync). Names must differ, and `__metadata__` is not a name.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String,
    synchronized: Bool = false
  ) throws(SafetensorsError) {
    let sorted = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (one, next) in zip(sorted, sorted.dropFirst()) where one.name == next.name {
      throw .tensor(path: path, name: one.name, reason: "two tensors of this name")
    }
    if sorted.contains(where: { $0.name == "__metadata__" }) {
      throw .tensor(path: path, name: "__metadata__", reason: "the name is taken by the format")
    }
    do throws(FileFailure) {
      var writer = try FileWriter(path)
      try writer.write(header(sorted, metadata))
      for (_, tensor) in sorted {
        try withExtendedLifetime(tensor) { () throws(FileFailure) in
          try writer.write(UnsafeRawBufferPointer(tensor.elements))
        }
      }
      try writer.close(synchronized: synchronized)
    } catch {
      throw .file(error)
    }
  }

  /// Opens a file and checks its header wholly; the numbers are read when a tensor is asked for.
  ///
  /// Refused are: a header longer than the file or 100 MB, anything but the format's JSON, unknown number
  /// types, offsets outside the file, overlaps, holes, and byte counts that do not fit the shape.
  public static func read(_ path: String) throws(SafetensorsError) -> SafetensorsContents {
    try SafetensorsContents(path: path)
  }

  private static func header(_ tensors: [(name: String, tensor: Tensor)], _ metadata: [String: String])
    -> [UInt8]
  {
    var entries: [String] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      entries.append(
        "\"__metadata__\":{" + sorted.map { "\(json($0)):\(json($1))" }.joined(separator: ",") + "}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + 4 * tensor.count
      let sizes = tensor.shape.array.map(String.init).joined(separator: ",")
      entries.append(
        "\(json(name)):{\"dtype\":\"F32\",\"shape\":[\(sizes)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(entries.joined(separator: ","))}".utf8)
    text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    return (0..<8).map { UInt8(truncatingIfNeeded: UInt64(text.count) >> (8 * UInt64($0))) } + text
  }

  /// A JSON string literal, escaped as far as JSON demands.
  private static func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
