/// Why a PyTorch checkpoint cannot be read, or does not hold what is asked of it.
public enum PyTorchError: Error, CustomStringConvertible {
  /// The system would not let us read.
  case file(FileFailure)
  /// The file is not laid out as `torch.save` does it.
  case format(path: String, reason: String)
  /// An entry of the file's zip archive cannot be read.
  case entry(path: String, name: String, reason: String)
  /// A pickle's instruction cannot be followed; `offset` in bytes from the start of that pickle.
  case pickle(path: String, pickle: String, offset: Int, opcode: String, reason: String)
  /// A pickle asks for a Python class or function that no state dict needs.
  case global(path: String, pickle: String, offset: Int, name: String)
  /// The file has no such part, or several, and none was chosen.
  case part(path: String, asked: String?, found: [String])
  /// A tensor contradicts itself or the file.
  case tensor(path: String, name: String, reason: String)

  /// The file; the entry, instruction and offset, or tensor; and what is wrong.
  ///
  /// Control characters, which names in a file may have, are spelled out, and lists of many names are cut.
  public var description: String {
    words.prefix(2000).unicodeScalars
      .map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0) }.joined()
  }

  private var words: String {
    switch self {
    case .file(let failure): "\(failure)"
    case .format(let path, let reason): "\(path): not a PyTorch checkpoint that can be read: \(reason)"
    case .entry(let path, let name, let reason): "\(path): zip entry `\(name)`: \(reason)"
    case .pickle(let path, let pickle, let offset, let opcode, let reason):
      "\(path): \(pickle), byte \(offset), \(opcode): \(reason)"
    case .global(let path, let pickle, let offset, let name):
      "\(path): \(pickle), byte \(offset): asks for Python's `\(name)`, which no state dict needs; nothing of it was "
        + "executed. Save the weights alone: torch.save(model.state_dict(), ...)"
    case .part(let path, nil, let found) where found.isEmpty:
      "\(path): holds no dictionary of tensors (a state dict)"
    case .part(let path, nil, let found):
      "\(path): holds several state dicts, of which one must be chosen: \(found.joined(separator: ", "))"
    case .part(let path, let asked?, let found):
      "\(path): holds no state dict `\(asked)`; "
        + (found.isEmpty ? "it has no parts" : "there are: \(found.joined(separator: ", "))")
    case .tensor(let path, let name, let reason): "\(path): tensor `\(name)`: \(reason)"
    }
  }
}
