import ArgumentParser
import Foundation

/// A command with its options as ArgumentParser describes them (`--experimental-dump-help`).
package struct CommandDump: Decodable {
  package struct Argument: Decodable {
    package enum Kind: String, Decodable { case positional, option, flag }
    package struct Name: Decodable { let kind, name: String }
    /// How its value is completed; `list`, `file`, `directory` or `custom` is the key.
    package struct Completion: Decodable {}

    package let kind: Kind
    package let shouldDisplay, isOptional, isRepeating: Bool
    package let parsingStrategy: String
    package let preferredName: Name?
    package let valueName, defaultValue, abstract: String?
    package let allValues: [String]?
    /// Nil where nothing is offered.
    package let completionKind: Completion?

    /// The option as it is typed, `--data`; empty for what has no name.
    package var option: String { preferredName.map { ($0.kind == "long" ? "--" : "-") + $0.name } ?? "" }

    /// Whether one `--option` may be followed by several values.
    package var takesSeveral: Bool { kind == .option && isRepeating && parsingStrategy == "upToNextOption" }
  }

  package let commandName: String
  package let superCommands: [String]?
  package let abstract, discussion: String?
  package let arguments: [Argument]?
  package let subcommands: [CommandDump]?

  /// `emanate`, with every command below it.
  package static func program() -> CommandDump {
    struct Dump: Decodable { let command: CommandDump }
    let text = EmanateCommand._dumpHelp()
    guard let dump = try? JSONDecoder().decode(Dump.self, from: Data(text.utf8)) else {
      preconditionFailure("CommandDump: ArgumentParser describes commands otherwise now: \(text.prefix(200))")
    }
    return dump.command
  }

  /// The words that call it: `emanate dataset check`.
  package var words: [String] { (superCommands ?? []) + [commandName] }

  /// The commands below it, `help` left out.
  package var children: [CommandDump] { (subcommands ?? []).filter { $0.commandName != "help" } }

  /// It and every command below it.
  package var all: [CommandDump] { [self] + children.flatMap(\.all) }

  /// Its options and arguments, but for --version and --help, which every command has.
  package var ownArguments: [Argument] {
    (arguments ?? []).filter { $0.shouldDisplay && !["--version", "--help"].contains($0.option) }
  }
}
