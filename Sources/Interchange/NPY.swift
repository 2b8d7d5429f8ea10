import EmanateTensors
import Foundation

/// Reads and writes one array in NumPy's `.npy` format, version 1.0.
///
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
public enum NPY {
  /// Writes a tensor as little-endian float32 in C order, byte for byte as `numpy.save` does.
  public static func write(_ tensor: Tensor, to path: String, synchronized: Bool = false) throws(FileFailure)
  {
    let sizes = tensor.shape.array.map(String.init)
    let tuple = sizes.count == 1 ? "(\(sizes[0]),)" : "(\(sizes.joined(separator: ", ")))"
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(tuple), }"
    // NumPy leaves room for the first axis to grow to 21 digits.
    if let first = sizes.first { header += String(repeating: " ", count: max(0, 21 - first.count)) }
    let fixed = magic.count + 4
    header += String(repeating: " ", count: 63 - (fixed + header.utf8.count) % 64) + "\n"
    let length = header.utf8.count
    var writer = try FileWriter(path)
    try writer.write(magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8))
    try withExtendedLifetime(tensor) { () throws(FileFailure) in
      try writer.write(UnsafeRawBufferPointer(tensor.elements))
    }
    try writer.close(synchronized: synchronized)
  }

  /// Reads an array of little-endian float32 or float64 (converted to float32) in C order.
  public static func read(_ path: String) throws(NPYError) -> Tensor {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw .file(FileFailure(path: path, action: "read", reason: error.localizedDescription))
    }
    guard data.count >= 12, Array(data[0..<6]) == magic else {
      throw .format(path: path, "it has no NPY header")
    }
    let lengthBytes = data[6] == 1 ? 2 : 4
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(data[8 + $1]) << (8 * $1) }
    let start = 8 + lengthBytes + length
    guard (1...3).contains(data[6]), start <= data.count else {
      throw .format(path: path, "its header is cut short")
    }
    let header = String(decoding: data[8 + lengthBytes..<start], as: UTF8.self)
    guard let type = header.firstMatch(of: /'descr':\s*'([^']*)'/)?.1,
      let order = header.firstMatch(of: /'fortran_order':\s*(True|False)/)?.1,
      let tuple = header.firstMatch(of: /'shape':\s*\(([0-9, ]*)\)/)?.1
    else { throw .format(path: path, "its header is \(header.prefix(200))") }
    guard type == "<f4" || type == "<f8" else {
      throw .format(path: path, "its type is \(type); <f4 and <f8 can be read")
    }
    guard order == "False" else { throw .format(path: path, "it is in Fortran order; C order can be read") }
    let sizes = tuple.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard sizes.count <= 8 else {
      throw .format(path: path, "it has \(sizes.count) axes; at most 8 are possible")
    }
    let width = type == "<f4" ? 4 : 8
    var needed = width
    for size in sizes {
      let (product, overflows) = needed.multipliedReportingOverflow(by: size)
      guard !overflows else { throw .format(path: path, "its shape \(sizes) is too large") }
      needed = product
    }
    guard needed == data.count - start else {
      throw .format(
        path: path, "shape \(sizes) needs \(needed) bytes, and \(data.count - start) follow the header")
    }
    var tensor = Tensor(uninitialized: Shape(sizes))
    data.withUnsafeBytes { bytes in
      tensor.withMutableElements { elements in
        let source = UnsafeRawBufferPointer(rebasing: bytes[start...])
        if width == 4 {
          UnsafeMutableRawBufferPointer(elements).copyMemory(from: source)
        } else {
          for index in elements.indices {
            elements[index] = Float(source.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
          }
        }
      }
    }
    return tensor
  }

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
}

/// Why an `.npy` file cannot be read.
public enum NPYError: Error, CustomStringConvertible {
  /// The system would not let us read.
  case file(FileFailure)
  /// The file is not an array that can be read, and why.
  case format(path: String, _ reason: String)

  /// The file and what is wrong.
  public var description: String {
    switch self {
    case .file(let failure): "\(failure)"
    case .format(let path, let reason): "\(path): not an array that can be read: \(reason)"
    }
  }
}
