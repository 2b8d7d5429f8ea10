import ArgumentParser
import EmanateConfiguration
import EmanateEvaluation
import EmanateMethods
import EmanateObjectives

/// `emanate list`: what there is to choose from.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists what there is to choose from, a line each.",
    examples: [
      "emanate list keys",
      "emanate list configs",
    ])

  /// What can be listed.
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case methods, architectures, recipes, losses, terms, families, attacks, keys, configs, presets
  }

  @Argument(
    help:
      "What to list; terms and families are those of distillation, configs the program's own, presets published settings."
  )
  var kind: Kind

  @OptionGroup var output: OutputOptions

  func run() {
    let lines = items
    let width = lines.map(\.name.count).max() ?? 0
    output.result(
      Summary(
        items: lines.map(\.name),
        descriptions: Dictionary(uniqueKeysWithValues: lines.map { ($0.name, $0.text) })),
      text: lines.map { line in
        line.text.isEmpty
          ? line.name : line.name + String(repeating: " ", count: width - line.name.count + 2) + line.text
      }.joined(separator: "\n"))
  }

  private var items: [(name: String, text: String)] {
    switch kind {
    case .methods: MethodRegistry.all.map { ($0.name, $0.summary) }
    case .architectures:
      NetworkSettings.Architecture.allCases.map {
        ($0.rawValue, $0().summary)
      }
    case .recipes: Resource.names(in: .recipes).map { ($0, Resource.summary(of: $0, in: .recipes)) }
    case .losses: LossRegistry.all.map { ($0.name, $0.summary) }
    case .terms: TermRegistry.all.map { ($0.name, "\($0.kind.rawValue): \($0.summary)") }
    case .families: DistillationFamily.all.map { ($0.name, $0.summary) }
    case .attacks: AttackRegistry.all.map { ($0.name, $0.summary) }
    case .configs: Resource.names(in: .configs).map { ($0, Resource.summary(of: $0, in: .configs)) }
    case .presets:
      Resource.presets.map { ($0, Resource.summary(of: "presets/\($0)", in: .configs)) }
    case .keys:
      Setting.all.map { setting in
        (setting.path, "\(setting.summary) [\(setting(ExperimentConfiguration()))]; \(setting.allowed)")
      }
    }
  }

  private struct Summary: Encodable {
    let items: [String]
    let descriptions: [String: String]
  }
}
