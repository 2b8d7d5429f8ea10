import Yams

/// What `emanate chain` does, in one file: the settings of its three stages, and whose images they learn from.
///
/// A section is the name of a configuration (`finetune: finetune/defensive`) or a mapping of that stage's settings, which
/// may begin with such a name: `config: finetune/defensive`. What a section does not say is as in the stage's own command.
/// A key that does not exist is refused with its line.
public struct ChainConfiguration {
  /// What is trained one after the other.
  public enum Stage: String, CaseIterable, Sendable { case pretrain, finetune, distill }

  /// Folders of images to learn features from, without labels; none where the file names none.
  public private(set) var data: [String] = []
  /// Labelled folders to learn from.
  public private(set) var train: [String] = []
  /// The labelled folder to test on.
  public private(set) var test: String?
  private var sections: [Stage: Section] = [:]
  private var overrides: [Stage: [String]] = [:]

  private struct Section {
    /// The configuration that it begins with.
    var file: String?
    /// The file that it stands in, and its settings there.
    var source = ""
    var settings: [(key: Node, value: Node)] = []
  }

  /// Every stage as in its own command.
  public init() {}

  /// A file, or an embedded one by name, and over it `STAGE.key=value` in order.
  ///
  /// - Throws: `ConfigurationError` with the line of a key that a chain does not have.
  public init(file: String?, overrides assignments: [String] = []) throws(ConfigurationError) {
    if let file {
      let (text, source) = try Resource.find(file, in: .configs)
      try self.init(yaml: text, source: source)
    } else {
      self.init()
    }
    for assignment in assignments { try set(assignment) }
  }

  /// The same of a text; `source` is what errors call it.
  public init(yaml: String, source: String) throws(ConfigurationError) {
    guard let mapping = try ExperimentConfiguration.mapping(yaml: yaml, source: source) else { return }
    for (key, value) in mapping {
      let place = "\(source), line \(key.mark?.line ?? 1)"
      let name = key.scalar?.string ?? "?"
      switch name {
      case "data": data = try Self.folders(value, name, place)
      case "train": train = try Self.folders(value, name, place)
      case "test":
        let folders = try Self.folders(value, name, place)
        if folders.count > 1 { throw .misplaced(source: place, path: name, reason: "is one folder") }
        test = folders.first
      default:
        guard let stage = Stage(rawValue: name) else {
          throw .malformed(
            source: place,
            reason: "unknown key `\(name)`; a chain has data, train, test, "
              + Stage.allCases.map(\.rawValue).joined(separator: ", "))
        }
        sections[stage] = try Self.section(value, name, source, place)
      }
    }
  }

  /// The settings of a stage: the defaults, what a program chose, `files`, the section, `--set` and then `further`.
  ///
  /// - Throws: `ConfigurationError`; keys of the section and of `--set` are called by stage and key, with the line.
  public func settings(
    of stage: Stage, chosen: [(yaml: String, source: String)] = [], files: [String] = [],
    further: [String] = []
  ) throws(ConfigurationError) -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for choice in chosen { try configuration.merge(yaml: choice.yaml, source: choice.source) }
    let section = sections[stage] ?? Section()
    for file in files + (section.file.map { [$0] } ?? []) {
      let (text, source) = try Resource.find(file, in: .configs)
      try configuration.merge(yaml: text, source: source)
    }
    do throws(ConfigurationError) {
      try configuration.merge(
        Node.Mapping(section.settings), under: "", source: section.source, lines: true)
      for assignment in overrides(of: stage) { try configuration.set(assignment) }
    } catch { throw error.under(stage.rawValue) }
    for assignment in further { try configuration.set(assignment) }
    do throws(ConfigurationError) { try configuration.check() } catch { throw error.under(stage.rawValue) }
    return configuration
  }

  /// What `--set` says of a stage, `key=value` each.
  public func overrides(of stage: Stage) -> [String] { overrides[stage] ?? [] }

  /// `STAGE.key=value`.
  private mutating func set(_ assignment: String) throws(ConfigurationError) {
    let path = assignment.prefix { $0 != "=" }
    let names = path.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard path.count < assignment.count, names.count == 2, let stage = Stage(rawValue: String(names[0]))
    else {
      throw .malformed(
        source: "--set",
        reason: "`\(assignment)` is not of the form STAGE.key=value with "
          + Stage.allCases.map(\.rawValue).joined(separator: ", ") + " as the stage")
    }
    overrides[stage, default: []].append(String(assignment.dropFirst(names[0].count + 1)))
  }

  private static func folders(
    _ node: Node, _ name: String, _ place: String
  ) throws(ConfigurationError) -> [String] {
    switch node {
    case .scalar(let scalar) where !scalar.string.isEmpty: return [scalar.string]
    case .sequence(let items)
    where !items.isEmpty && items.allSatisfy({ $0.scalar?.string.isEmpty == false }):
      return items.map { $0.scalar!.string }
    default: throw .misplaced(source: place, path: name, reason: "is a folder, or a list of folders")
    }
  }

  private static func section(
    _ node: Node, _ name: String, _ source: String, _ place: String
  ) throws(ConfigurationError) -> Section {
    var section = Section(source: source)
    switch node {
    case .scalar(let scalar):
      if !scalar.string.isEmpty && scalar.string != "~" { section.file = scalar.string }
    case .mapping(let mapping):
      for (key, value) in mapping {
        if key.scalar?.string != "config" {
          section.settings.append((key, value))
          continue
        }
        guard let file = value.scalar?.string, !file.isEmpty else {
          throw .misplaced(
            source: "\(source), line \(key.mark?.line ?? 1)", path: "\(name).config",
            reason: "is the name of a configuration")
        }
        section.file = file
      }
    default:
      throw .misplaced(source: place, path: name, reason: "is a configuration's name, or a section of keys")
    }
    return section
  }

  /// A file that a chain of these stages can go on with, whatever has become of the files it was made of.
  public static func yaml(
    data: [String], train: [String], test: String, stages: [(stage: Stage, settings: ExperimentConfiguration)]
  ) -> String {
    let folders =
      "# What `emanate chain --resume` goes on with.\ndata: \(SettingText.list(data).description)\n"
      + "train: \(SettingText.list(train).description)\ntest: \(SettingText.scalar(test).description)\n"
    return folders
      + stages.map { stage, settings in
        "\(stage.rawValue):\n"
          + settings.yaml.split(separator: "\n").map { "  \($0)\n" }.joined()
      }.joined()
  }
}

extension ConfigurationError {
  /// The same about a stage of a chain: keys are called by the stage and their own name.
  fileprivate func under(_ stage: String) -> ConfigurationError {
    switch self {
    case .unknownKey(let source, let path, let nearest):
      // distill.alpha: a key of its own, whose stage was left out.
      .unknownKey(
        source: source, path: "\(stage).\(path)",
        nearest: Setting.at("\(stage).\(path)") == nil
          ? "\(stage).\(nearest)" : "\(stage).\(stage).\(path)")
    case .misplaced(let source, let path, let reason):
      .misplaced(source: source, path: "\(stage).\(path)", reason: reason)
    case .notAllowed(let source, let path, let value, let allowed):
      .notAllowed(source: source, path: "\(stage).\(path)", value: value, allowed: allowed)
    case .inconsistent(let reason): .inconsistent(reason: "\(stage): \(reason)")
    case .unreadable, .unwritable, .malformed, .tooFewImages: self
    }
  }
}
