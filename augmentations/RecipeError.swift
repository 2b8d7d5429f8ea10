/// Why a recipe cannot be used.
public enum RecipeError: Error, Equatable {
  /// The file cannot be read or is not YAML.
  case unreadable(file: String, reason: String)
  /// A key that recipes do not have; `key` is its full path.
  case unknownKey(file: String, key: String, known: [String])
  /// A name that no augmentation has.
  case unknownAugmentation(file: String, key: String, name: String, known: [String])
  /// A value of the wrong kind or out of range.
  case invalid(file: String, key: String, requirement: String)
}

extension RecipeError: CustomStringConvertible {
  /// File, key, and what to write instead.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): \(reason)"
    case .unknownKey(let file, let key, let known):
      "\(file): unknown key '\(key)'; did you mean '\(Self.nearest(to: Self.lastPart(of: key), in: known))'?"
    case .unknownAugmentation(let file, let key, let name, let known):
      "\(file): unknown augmentation '\(name)' at '\(key)'; did you mean '\(Self.nearest(to: name, in: known))'? "
        + "Known are \(known.joined(separator: ", "))."
    case .invalid(let file, let key, let requirement): "\(file): '\(key)' must be \(requirement)"
    }
  }

  private static func lastPart(of key: String) -> String {
    key.split(separator: ".").last.map(String.init) ?? key
  }

  /// The word that takes the fewest insertions, deletions and replacements to reach (Levenshtein 1966).
  static func nearest(to word: String, in words: [String]) -> String {
    words.min { editDistance(word, $0) < editDistance(word, $1) } ?? ""
  }
}
