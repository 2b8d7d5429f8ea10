/// Why a configuration cannot be used; each case names where it came from and the key at fault.
///
/// `source` is a file's path, an embedded file's name, or `--set`.
public enum ConfigurationError: Error, Hashable, CustomStringConvertible {
  /// The file cannot be read, and there is none of this name in the program.
  case unreadable(source: String, reason: String)
  /// A file of the program could not be written out.
  case unwritable(path: String, reason: String)
  /// The text is not YAML.
  case malformed(source: String, reason: String)
  /// There is no such key; the nearest is one that there is.
  case unknownKey(source: String, path: String, nearest: String)
  /// A value where a section of keys is meant, or the reverse.
  case misplaced(source: String, path: String, reason: String)
  /// A value that the key does not allow.
  case notAllowed(source: String, path: String, value: String, allowed: String)
  /// Two keys that do not go together.
  case inconsistent(reason: String)
  /// The data cannot fill one batch.
  case tooFewImages(images: Int, batchSize: Int)

  /// The source, the key, the value, and what is allowed.
  public var description: String {
    switch self {
    case .unreadable(let source, let reason): "\(source): cannot be read: \(reason)"
    case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
    case .malformed(let source, let reason): "\(source): \(reason)"
    case .unknownKey(let source, let path, let nearest):
      "\(source): unknown key `\(path)`; did you mean `\(nearest)`?"
    case .misplaced(let source, let path, let reason): "\(source): `\(path)` \(reason)"
    case .notAllowed(let source, let path, let value, let allowed):
      "\(source): `\(path)` is \(value); allowed is \(allowed)"
    case .inconsistent(let reason): reason
    case .tooFewImages(let images, let batchSize):
      "\(images) images do not fill one batch of \(batchSize) (`training.batchSize`); incomplete batches are dropped"
    }
  }
}
