import EmanateTensors
import Foundation

/// A file of PyTorch's `torch.save` (`.pth`, `.pt`), of which nothing is executed.
///
/// Both formats are read: zip archives (since PyTorch 1.6) and the older row of pickles. A checkpoint is one state
/// dict, or a dictionary with several of them as parts (`student`, `teacher`, `model`, `state_dict`, ...) beside
/// epochs, arguments and the optimizer's state, which are not looked into. Refused are: Python classes and functions
/// that no state dict needs, instructions that `torch.save` never writes, compressed, overlapping or missing zip
/// entries, storages and tensors that do not lie within the file, and big-endian numbers.
public struct PyTorchCheckpoint: Sendable {
  /// The file.
  public let path: String
  /// The keys of the state dicts in the checkpoint, in the file's order; empty where the file itself is one.
  public let parts: [String]

  private let pickle: PickleContents
  /// For each storage's key its place, in bytes from the start of the file.
  private let storages: [String: Range<Int>]
  private let dictionaries: [String: PickleValue]

  /// The usual keys of a state dict, one of which is chosen where others are not asked for.
  private static let usualParts: Set<String> = [
    "state_dict", "model", "model_state_dict", "teacher", "student",
  ]

  /// Opens a checkpoint and reads what it says of itself; numbers are read when a tensor is asked for.
  public init(_ path: String) throws(PyTorchError) {
    self.path = path
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw .file(FileFailure(path: path, action: "read", reason: error.localizedDescription))
    }
    if ZipArchive.begins(data) {
      (pickle, storages) = try PyTorchZip.read(data, path: path)
    } else if PyTorchLegacy.begins(data) {
      (pickle, storages) = try PyTorchLegacy.read(data, path: path)
    } else {
      throw .format(
        path: path, reason: "it begins neither as a zip archive nor as the format before PyTorch 1.6")
    }

    var (parts, dictionaries): ([String], [String: PickleValue]) = ([], [:])
    var known: [Int: Bool] = [:]
    for (key, value) in pickle.entries(pickle.root) {
      guard case .dictionary(let place) = value, case .text = key else { continue }
      let holdsTensors = known[place] ?? Self.holdsTensors(pickle, value)
      known[place] = holdsTensors
      guard holdsTensors, let name = pickle.text(key) else { continue }
      if dictionaries.updateValue(value, forKey: name) != nil {
        throw .format(path: path, reason: "two of its parts are called `\(name)`")
      }
      parts.append(name)
    }
    (self.parts, self.dictionaries) = (parts, dictionaries)
  }

  private static func holdsTensors(_ pickle: PickleContents, _ value: PickleValue) -> Bool {
    pickle.entries(value).contains { if case .tensor = $0.value { true } else { false } }
  }

  /// The tensors of a part. Where none is named: of the only one with a usual key (`state_dict`, `model`,
  /// `model_state_dict`, `teacher`, `student`), else of the file itself, else of the only part.
  ///
  /// The wrappers' prefixes `module.` and then `backbone.` are taken off the names, as DINO's
  /// `load_pretrained_weights` does (utils.py), there anywhere in a name, here where it begins.
  public func contents(_ part: String? = nil) throws(PyTorchError) -> PyTorchContents {
    let chosen = if let part { part } else { try usualPart() }
    guard let dictionary = chosen.map({ dictionaries[$0] }) ?? pickle.root,
      chosen != nil || Self.holdsTensors(pickle, dictionary)
    else { throw .part(path: path, asked: part, found: parts) }
    return try PyTorchContents(path: path, part: chosen, dictionary, of: pickle, storages)
  }

  private func usualPart() throws(PyTorchError) -> String? {
    let usual = parts.filter(Self.usualParts.contains)
    if usual.count == 1 { return usual[0] }
    if usual.isEmpty, parts.isEmpty || Self.holdsTensors(pickle, pickle.root) { return nil }
    if parts.count == 1 { return parts[0] }
    throw .part(path: path, asked: nil, found: parts)
  }

  /// The tensors of a checkpoint, or of the named part of one.
  public static func read(_ path: String, part: String? = nil) throws(PyTorchError) -> PyTorchContents {
    try PyTorchCheckpoint(path).contents(part)
  }
}
