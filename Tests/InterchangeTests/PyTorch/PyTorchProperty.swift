import EmanateInterchange
import EmanateTensors
import Foundation

/// What must hold of every PyTorch checkpoint, good or bad: the tests ask it of the corpus and of damaged files, the
/// fuzzer of whatever it makes.
///
/// Whatever is refused is refused by an error that begins with the file's name. Of a part that is read every tensor
/// can be had, the same twice, with no more numbers than the file has bytes.
///
/// - Returns: what does not hold, or nil.
func brokenProperty(ofPyTorch path: String) -> String? {
  func complaint(_ error: any Error) -> String? {
    "\(error)".hasPrefix(path + ":") ? nil : "the error does not name the file: \(error)"
  }
  let checkpoint: PyTorchCheckpoint
  do {
    checkpoint = try PyTorchCheckpoint(path)
  } catch {
    return complaint(error)
  }
  let attributes = try? FileManager.default.attributesOfItem(atPath: path)
  guard let bytes = attributes?[.size] as? Int else { return "the file has no size" }
  for part in [nil] + checkpoint.parts {
    let contents: PyTorchContents
    do {
      contents = try checkpoint.contents(part)
    } catch {
      if let broken = complaint(error) { return broken }
      continue
    }
    for name in contents.names {
      guard let shape = contents.shape(of: name) else { return "`\(name)` has no shape" }
      if shape.count > bytes { return "`\(name)` of shape \(shape) is larger than a file of \(bytes) bytes" }
      do {
        let (one, other) = (try contents.tensor(name), try contents.tensor(name))
        if one.shape != shape { return "`\(name)` has shape \(one.shape) and not \(shape)" }
        if one.array.map(\.bitPattern) != other.array.map(\.bitPattern) { return "`\(name)` changes" }
      } catch {
        return "`\(name)` is refused later: \(error)"
      }
    }
  }
  return nil
}
