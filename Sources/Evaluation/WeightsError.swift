import EmanateConfiguration
import EmanateInterchange

/// Why a path gives no network.
public enum WeightsError: Error, CustomStringConvertible {
  /// There is nothing at the path.
  case missing(path: String)
  /// What stands there holds no weights that can be read.
  case notWeights(path: String, reason: String)
  /// The weights file cannot be read or does not fit the network; names the tensor and both shapes.
  case file(WeightsFileError)
  /// The run's configuration cannot be read.
  case configuration(ConfigurationError)
  /// What was given does not agree with what the file says.
  case contradiction(path: String, given: String, found: String)
  /// A backbone that does not say how it is written as ONNX operators.
  case notDrawn(backbone: String, summary: String)
  /// Images of this side cannot be cut into patches.
  case side(Int, patch: Int)

  /// The failure in words.
  public var description: String {
    switch self {
    case .missing(let path): "\(path): there is no such file or folder"
    case .notWeights(let path, let reason): "\(path): \(reason)"
    case .file(let error): "\(error)"
    case .configuration(let error): "\(error)"
    case .contradiction(let path, let given, let found):
      "\(path): \(given) was given, and the file has \(found)"
    case .notDrawn(let backbone, let summary):
      "the backbone \(backbone) (\(summary)) cannot be written as ONNX: it is no `DrawnBackbone`"
    case .side(let side, let patch): "a side of \(side) pixels is not a multiple of the patch, \(patch)"
    }
  }
}
