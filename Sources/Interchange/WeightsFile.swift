import EmanateTensors
import Foundation

/// A file of named tensors in either format, safetensors or PyTorch's; its first bytes tell which, not its name.
public enum WeightsFile: Sendable {
  /// A safetensors file.
  case safetensors(SafetensorsContents)
  /// A state dict of a PyTorch checkpoint.
  case pytorch(PyTorchContents)

  /// Opens a file; of a PyTorch checkpoint with a teacher or a student the state dict called `network`, of any other
  /// the one that `PyTorchCheckpoint.contents` chooses.
  public static func read(_ path: String, network: String? = nil) throws(WeightsFileError) -> WeightsFile {
    if try isSafetensors(path) {
      do { return .safetensors(try Safetensors.read(path)) } catch { throw .safetensors(error) }
    }
    do throws(PyTorchError) {
      let checkpoint = try PyTorchCheckpoint(path)
      let hasNetworks = checkpoint.parts.contains { $0 == "teacher" || $0 == "student" }
      return .pytorch(try checkpoint.contents(hasNetworks ? network : nil))
    } catch { throw .pytorch(error) }
  }

  /// Whether the ninth byte begins a safetensors header; anything but that and PyTorch's formats is refused.
  private static func isSafetensors(_ path: String) throws(WeightsFileError) -> Bool {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw .file(FileFailure(path: path, action: "read", reason: error.localizedDescription))
    }
    if data.count > 8 && data[8] == UInt8(ascii: "{") { return true }
    if ZipArchive.begins(data) || PyTorchLegacy.begins(data) { return false }
    throw .unknownFormat(path: path)
  }

  /// The file.
  public var path: String {
    switch self {
    case .safetensors(let file): file.path
    case .pytorch(let file): file.path
    }
  }

  /// The tensors' names, in the file's order.
  public var names: [String] {
    switch self {
    case .safetensors(let file): file.names
    case .pytorch(let file): file.names
    }
  }

  /// The texts that a safetensors file carries; a PyTorch checkpoint has none.
  public var metadata: [String: String] {
    switch self {
    case .safetensors(let file): file.metadata
    case .pytorch: [:]
    }
  }

  /// The shape of a tensor; nil if the file has none of this name.
  public func shape(of name: String) -> Shape? {
    switch self {
    case .safetensors(let file): file.shape(of: name)
    case .pytorch(let file): file.shape(of: name)
    }
  }

  /// The number type of a tensor as safetensors calls it; nil if the file has none of this name.
  public func type(of name: String) -> String? {
    switch self {
    case .safetensors(let file): file.type(of: name)
    case .pytorch(let file): file.type(of: name)
    }
  }

  /// A tensor, converted to float32.
  public func tensor(_ name: String) throws(WeightsFileError) -> Tensor {
    switch self {
    case .safetensors(let file):
      do { return try file.tensor(name) } catch { throw .safetensors(error) }
    case .pytorch(let file):
      do { return try file.tensor(name) } catch { throw .pytorch(error) }
    }
  }

  /// A tensor that must have this shape; missing, and another shape, are errors that name both.
  public func tensor(_ name: String, shape: Shape) throws(WeightsFileError) -> Tensor {
    guard let found = self.shape(of: name) else { throw .missing(path: path, name: name, shape: shape) }
    if found != shape { throw .shapeMismatch(path: path, name: name, found: found, expected: shape) }
    return try tensor(name)
  }
}

/// Why a weights file cannot be read, or does not hold what is asked of it.
public enum WeightsFileError: Error, CustomStringConvertible {
  /// The system would not let us read.
  case file(FileFailure)
  /// The file is of neither format.
  case unknownFormat(path: String)
  /// A safetensors file is at fault.
  case safetensors(SafetensorsError)
  /// A PyTorch checkpoint is at fault.
  case pytorch(PyTorchError)
  /// The file has no such tensor.
  case missing(path: String, name: String, shape: Shape)
  /// The file has tensors that nobody asked for.
  case unexpected(path: String, name: String, shape: Shape)
  /// A tensor has another shape than the one asked for.
  case shapeMismatch(path: String, name: String, found: Shape, expected: Shape)
  /// A tensor holds what no weight may be.
  case tensor(path: String, name: String, reason: String)

  /// The file, the tensor, both shapes, and what is wrong.
  public var description: String {
    switch self {
    case .file(let failure): "\(failure)"
    case .unknownFormat(let path): "\(path): neither a safetensors file nor a PyTorch checkpoint"
    case .safetensors(let error): "\(error)"
    case .pytorch(let error): "\(error)"
    case .missing(let path, let name, let shape):
      "\(path): no tensor `\(name)`; one of shape \(shape) is needed"
    case .unexpected(let path, let name, let shape):
      "\(path): tensor `\(name)` of shape \(shape) is not part of this network"
    case .shapeMismatch(let path, let name, let found, let expected):
      "\(path): tensor `\(name)` has shape \(found), and \(expected) is needed"
    case .tensor(let path, let name, let reason): "\(path): tensor `\(name)`: \(reason)"
    }
  }
}
