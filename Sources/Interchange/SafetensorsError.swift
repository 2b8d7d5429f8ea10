import EmanateTensors

/// Why a safetensors file cannot be read or written, or does not hold what is asked of it.
public enum SafetensorsError: Error, CustomStringConvertible {
  /// The system would not let us read or write.
  case file(FileFailure)
  /// The header (its length, its JSON) is not a safetensors header.
  case header(path: String, reason: String)
  /// A tensor's entry contradicts itself, another entry or the file's length.
  case tensor(path: String, name: String, reason: String)
  /// A tensor of a number type that is not converted to float32.
  case unsupportedType(path: String, name: String, type: String)
  /// The file has no such tensor.
  case missing(path: String, name: String, shape: Shape)
  /// The file has tensors that nobody asked for.
  case unexpected(path: String, name: String, shape: Shape)
  /// A tensor has another shape than the one asked for.
  case shapeMismatch(path: String, name: String, found: Shape, expected: Shape)

  /// The file, the tensor, both shapes, and what is wrong.
  public var description: String {
    switch self {
    case .file(let failure): "\(failure)"
    case .header(let path, let reason): "\(path): not a safetensors file: \(reason)"
    case .tensor(let path, let name, let reason): "\(path): tensor `\(name)`: \(reason)"
    case .unsupportedType(let path, let name, let type):
      "\(path): tensor `\(name)` has type \(type); F64, F32, F16, BF16, I64 to I8, U8 and BOOL can be read"
    case .missing(let path, let name, let shape):
      "\(path): no tensor `\(name)`; one of shape \(shape) is needed"
    case .unexpected(let path, let name, let shape):
      "\(path): tensor `\(name)` of shape \(shape) is not part of this network"
    case .shapeMismatch(let path, let name, let found, let expected):
      "\(path): tensor `\(name)` has shape \(found), and \(expected) is needed"
    }
  }
}
