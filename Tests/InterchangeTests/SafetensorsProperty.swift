import EmanateInterchange
import EmanateTensors

/// What must hold of every safetensors file, good or bad: the tests ask it of the corpus, the fuzzer of
/// whatever it makes.
///
/// A file that is refused is named by the error. One that is read gives every tensor of the types that are
/// converted, and what is written of these reads back equal, bit for bit.
///
/// - Parameter copy: where the file is written again.
/// - Returns: what does not hold, or nil.
func brokenProperty(ofSafetensors path: String, copy: String) -> String? {
  guard let file = try? Safetensors.read(path) else {
    do {
      _ = try Safetensors.read(path)
    } catch {
      return "\(error)".hasPrefix(path + ":") ? nil : "the error does not name the file: \(error)"
    }
    return "the file is read the second time"
  }
  var tensors: [(name: String, tensor: Tensor)] = []
  for name in file.names {
    guard let shape = file.shape(of: name), let type = file.type(of: name) else {
      return "`\(name)` has no shape or no type"
    }
    do {
      tensors.append((name, try file.tensor(name, shape: shape)))
    } catch {
      if ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"].contains(type) {
        return "`\(name)` is refused later: \(error)"
      }
    }
  }
  do {
    try Safetensors.write(tensors, metadata: file.metadata, to: copy)
    let again = try Safetensors.read(copy)
    if Set(again.names) != Set(tensors.map(\.name)) { return "the names change: \(again.names)" }
    if again.metadata != file.metadata { return "the metadata change: \(again.metadata)" }
    for (name, tensor) in tensors {
      let other = try again.tensor(name, shape: tensor.shape)
      if other.array.map(\.bitPattern) != tensor.array.map(\.bitPattern) { return "`\(name)` changes" }
    }
  } catch {
    return "what was written is refused: \(error)"
  }
  return nil
}
