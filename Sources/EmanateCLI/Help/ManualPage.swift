import Foundation

/// A command's page of the manual, in mdoc(7), from what its help says.
struct ManualPage {
  let command: CommandDump
  /// As mdoc has dates: `November 22, 2026`.
  let date: String

  /// The file's name.
  var name: String { title + ".1" }

  private var title: String { command.words.joined(separator: "-") }
  private var call: String { command.words.joined(separator: " ") }
  private var isProgram: Bool { command.superCommands == nil }
  private var help: CommandHelp { CommandHelp(discussion: command.discussion ?? "") }

  var text: String {
    (head + description + (isProgram ? ManualText.environment + ManualText.files : []) + exitStatus + examples
      + seeAlso).joined(separator: "\n") + "\n"
  }

  private var head: [String] {
    var lines = [
      ".\\\" Written by `emanate manual`.", ".Dd \(date)", ".Dt \(title.uppercased()) 1",
      ".Os", ".Sh NAME", ".Nm \(Manual.escaped(title))",
      ".Nd " + Manual.escaped(Manual.phrase(command.abstract ?? "")), ".Sh SYNOPSIS",
      ".Nm \(Manual.escaped(call))",
    ]
    for argument in command.ownArguments {
      lines.append(argument.isOptional ? ".Op " + argument.macros : "." + argument.macros)
    }
    if !command.children.isEmpty { lines += [".Ar command", ".Op Ar options"] }
    return lines
  }

  private var description: [String] {
    var lines = [".Sh DESCRIPTION"] + Manual.filled(command.abstract ?? "")
    for paragraph in help.paragraphs { lines += Manual.paragraph(paragraph) }
    lines += commands
    if !command.ownArguments.isEmpty {
      lines += [".Pp", "The options are as follows:", ".Bl -tag -width Ds"]
      for argument in command.ownArguments {
        lines += [".It " + argument.macros] + Manual.filled(argument.explanation)
      }
      lines.append(".El")
    }
    return lines + (isProgram ? ManualText.conventions : [])
  }

  /// The commands below this one; of the program in its groups.
  private var commands: [String] {
    if command.children.isEmpty { return [] }
    let groups = isProgram ? EmanateCommand.configuration.groupedSubcommands : []
    if groups.isEmpty { return [".Pp", "The commands are as follows:"] + list(command.children) }
    return groups.flatMap { group in
      let names = group.subcommands.map { $0.configuration.commandName }
      return [".Ss \(group.name)"] + list(command.children.filter { names.contains($0.commandName) })
    }
  }

  private func list(_ commands: [CommandDump]) -> [String] {
    [".Bl -tag -width Ds"]
      + commands.flatMap {
        [".It Xr \($0.words.joined(separator: "-")) 1"] + Manual.filled($0.abstract ?? "")
      } + [".El"]
  }

  private var exitStatus: [String] {
    [".Sh EXIT STATUS", ".Bl -tag -width Ds", ".It 0", "All was done."]
      + CommandFailure.Code.allCases.flatMap { [".It \($0.rawValue)"] + Manual.filled($0.meaning) } + [".El"]
  }

  private var examples: [String] {
    if help.examples.isEmpty { return [] }
    return [".Sh EXAMPLES"]
      + help.examples.enumerated().flatMap { place, example in
        (example.purpose.isEmpty ? [] : (place == 0 ? [] : [".Pp"]) + Manual.filled(example.purpose + ":"))
          + Manual.literal(Example(example.command).lines.map { String($0.dropFirst(2)) })
      }
  }

  private var seeAlso: [String] {
    let above = (command.superCommands ?? []).indices.map {
      command.superCommands![...$0].joined(separator: "-")
    }
    let below = command.children.map { $0.words.joined(separator: "-") }
    let pages = (above + (isProgram ? [] : below)).sorted()
    if pages.isEmpty { return [] }
    return [".Sh SEE ALSO"]
      + pages.enumerated().map { ".Xr \($1) 1" + ($0 + 1 < pages.count ? " ," : "") }
  }
}

extension CommandDump.Argument {
  /// The macros that show it with its value: `Fl -data Ar data ...`.
  fileprivate var macros: String {
    let value = Manual.escaped(valueName ?? "") + (kind == .flag ? "" : isSeveral ? " ..." : "")
    let name = Manual.escaped(String(option.dropFirst()))
    switch kind {
    case .positional: return "Ar \(value)"
    case .option: return "Fl \(name) Ar \(value)"
    case .flag: return "Fl \(name)"
    }
  }

  private var isSeveral: Bool { takesSeveral || kind == .positional && isRepeating }

  /// What help says of it, values and default with it.
  fileprivate var explanation: String {
    let values = (allValues ?? []).filter { !$0.isEmpty }.joined(separator: ", ")
    let parts = [
      values.isEmpty ? "" : "values: " + values,
      (defaultValue ?? "").isEmpty ? "" : "default: " + defaultValue!,
    ].filter { !$0.isEmpty }
    return (abstract ?? "") + (parts.isEmpty ? "" : " (" + parts.joined(separator: "; ") + ")")
  }
}

/// Text as mdoc has it.
enum Manual {
  private static let width = 76

  /// Every page: the program's, and one for each command.
  static func pages(date: String) -> [ManualPage] {
    CommandDump.program().all.map { ManualPage(command: $0, date: date) }
  }

  /// A date as mdoc has it, of UTC.
  static func date(_ date: Date) -> String {
    let formatter = DateFormatter()
    (formatter.locale, formatter.timeZone) = (Locale(identifier: "en_US_POSIX"), TimeZone(identifier: "UTC"))
    formatter.dateFormat = "MMMM d, yyyy"
    return formatter.string(from: date)
  }

  /// Text without what roff reads as its own; a hyphen stays one that can be copied.
  static func escaped(_ text: some StringProtocol) -> String {
    text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
  }

  /// A sentence as the line under NAME has it: no full stop, and a small letter first.
  static func phrase(_ sentence: String) -> String {
    let bare = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    return bare.prefix(1).lowercased() + bare.dropFirst()
  }

  /// Lines of text: a new one for each sentence, none too long. What stands between backquotes is bold.
  static func filled(_ text: String) -> [String] {
    var lines = [""]
    var isCode = false
    for word in text.split(whereSeparator: \.isWhitespace) {
      // What is typed is not hyphenated.
      var shown = word.contains { "-_/.=".contains($0) } ? "\\%" : ""
      for character in word {
        if character == "`" {
          isCode.toggle()
          shown += isCode ? "\\fB" : "\\fP"
        } else {
          shown += escaped(String(character))
        }
      }
      let line = lines[lines.count - 1]
      let isNew = line.isEmpty || endsSentence(line) || line.utf8.count + shown.utf8.count >= width
      if isNew && !line.isEmpty { lines.append("") }
      let isRequest = isNew && (shown.hasPrefix(".") || shown.hasPrefix("'"))
      lines[lines.count - 1] += isNew ? (isRequest ? "\\&" : "") + shown : " " + shown
    }
    return lines.filter { !$0.isEmpty }
  }

  private static func endsSentence(_ line: String) -> Bool {
    [".", "?", "!", ".)", "?)", "!)"].contains { line.hasSuffix($0) }
  }

  /// A paragraph of help: text, or indented lines as they are.
  static func paragraph(_ text: String) -> [String] {
    if !text.hasPrefix(" ") { return [".Pp"] + filled(text) }
    return literal(text.split(separator: "\n").map { String($0.dropFirst(2)) })
  }

  /// Lines as they are.
  static func literal(_ lines: [String]) -> [String] {
    [".Bd -literal -offset indent"]
      + lines.map { ($0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&" : "") + escaped($0) } + [".Ed"]
  }
}
