import EmanateAugmentations
import Yams

extension ExperimentConfiguration {
  /// The defaults, with what a program chose merged over them (YAML under a name for its errors), then files in order,
  /// and then `key=value` overrides in order.
  ///
  /// A file is a path or the name of an embedded one (`pretrain/dino-fashion`). What is given later counts,
  /// also between `training.epochs` and `training.steps`, which are one setting.
  public static func load(
    chosen: [(yaml: String, source: String)] = [], files: [String] = [], overrides: [String] = []
  ) throws(ConfigurationError) -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for choice in chosen { try configuration.merge(yaml: choice.yaml, source: choice.source) }
    try configuration.merge(files: files, overrides: overrides)
    return configuration
  }

  /// Merges files over this configuration in order, then overrides, and checks the result.
  public mutating func merge(files: [String], overrides: [String]) throws(ConfigurationError) {
    for file in files {
      let (text, source) = try Resource.find(file, in: .configs)
      try merge(yaml: text, source: source)
    }
    for override in overrides { try set(override) }
    try check()
  }

  /// Merges the settings of a YAML text over this configuration, in the order they stand there.
  public mutating func merge(yaml: String, source: String) throws(ConfigurationError) {
    guard let mapping = try Self.mapping(yaml: yaml, source: source) else { return }
    try merge(mapping, under: "", source: source)
  }

  /// The keys and values of a YAML text; nil if it holds nothing.
  static func mapping(yaml: String, source: String) throws(ConfigurationError) -> Node.Mapping? {
    let node: Node?
    do {
      node = try compose(yaml: yaml)
    } catch {
      throw .malformed(source: source, reason: "not YAML: \(error)")
    }
    guard let node, node != Node("", Tag(.null)) else { return nil }
    guard case .mapping(let mapping) = node else {
      throw .malformed(source: source, reason: "a mapping of keys to values is needed")
    }
    return mapping
  }

  /// Sets one key from `path=value`; the value is YAML, as in `data.views.globalArea=[0.4, 1]`.
  public mutating func set(_ assignment: String) throws(ConfigurationError) {
    let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw .malformed(source: "--set", reason: "`\(assignment)` is not of the form key=value")
    }
    let node: Node?
    do {
      node = try compose(yaml: String(parts[1]))
    } catch {
      throw .malformed(source: "--set", reason: "the value of `\(assignment)` is not YAML")
    }
    try merge(node ?? Node(""), at: String(parts[0]), source: "--set")
  }

  /// Checks what no key can check alone.
  public func check() throws(ConfigurationError) {
    if let (width, heads) = network.transformerWidth, width % heads != 0 {
      throw .inconsistent(
        reason: "`network.heads` is \(heads), which does not divide `network.width`, \(width)")
    }
    let sides = [
      ("network.side", Optional(network.side)), ("data.views.globalSide", data.views.globalSide.value),
      ("data.views.localSide", data.views.localSide.value),
    ]
    for (path, side) in sides {
      if let side, side % network.imagePatch != 0 {
        throw .inconsistent(
          reason: "`\(path)` is \(side), not a multiple of `network.patch`, \(network.patch)")
      }
    }
    if training.batchParts > training.batchSize {
      throw .inconsistent(
        reason: "`training.batchParts` is \(training.batchParts), more than `training.batchSize`, "
          + "\(training.batchSize)")
    }
    if data.preparation == .weights && start.weights == .off {
      throw .inconsistent(
        reason: "`data.preparation` is weights, and `start.weights` is off: there are none to ask")
    }
    if data.preparation == .teacher && distill.teachers.isEmpty {
      throw .inconsistent(
        reason: "`data.preparation` is teacher, and `distill.teachers` is empty: there is none to ask")
    }
    try checkOptimizer()
    try checkWatches()
    try checkValidation()
    try checkDistillation()
  }

  /// Merges a mapping of settings; with `lines` errors name the line at fault as well.
  mutating func merge(
    _ mapping: Node.Mapping, under section: String, source: String, lines: Bool = false
  ) throws(ConfigurationError) {
    for (key, value) in mapping {
      let name = key.scalar?.string ?? "?"
      try merge(
        value, at: section.isEmpty ? name : "\(section).\(name)", source: source,
        line: lines ? key.mark?.line : nil)
    }
  }

  private mutating func merge(
    _ node: Node, at path: String, source file: String, line: Int? = nil
  ) throws(ConfigurationError) {
    let source = line.map { "\(file), line \($0)" } ?? file
    if Setting.isSection(path) {
      switch node {
      case .mapping(let mapping): try merge(mapping, under: path, source: file, lines: line != nil)
      case .scalar(let scalar) where scalar.string.isEmpty || scalar.string == "~": return
      default: throw .misplaced(source: source, path: path, reason: "is a section of keys, not a value")
      }
      return
    }
    guard let setting = Setting.at(path) else {
      throw .unknownKey(source: source, path: path, nearest: nearestPath(to: path))
    }
    let text: SettingText
    switch node {
    case .scalar(let scalar): text = .scalar(scalar.string)
    case .sequence(let items) where items.allSatisfy({ $0.scalar != nil }):
      text = .list(items.map { $0.scalar!.string })
    default:
      throw .misplaced(source: source, path: path, reason: "is a value, not a section: \(setting.allowed)")
    }
    if !setting.assign(text, in: &self) {
      throw .notAllowed(source: source, path: path, value: text.description, allowed: setting.allowed)
    }
  }
}

/// The known key or section nearest to a path, by edit distance; a key's last name counts as much as its
/// whole path. Past its first hundred letters nothing is compared: no slip of the pen is as long.
func nearestPath(to path: String) -> String {
  let path = String(path.prefix(100))
  func lastName(_ path: String) -> Substring { path.split(separator: ".").last ?? "" }
  let distances = Setting.all.map { setting in
    let whole = editDistance(path, setting.path)
    let last = editDistance(String(lastName(path)), String(lastName(setting.path)))
    return (setting.path, min(2 * whole, 2 * last + 1))
  }
  return distances.min { $0.1 < $1.1 }!.0
}
