import ArgumentParser

/// A command line that shows what a command is for; it works as printed where the files it names are.
package struct Example: ExpressibleByStringLiteral, Equatable {
  /// What this one does, where it is not plain.
  package let purpose: String
  /// Beginning with `emanate COMMAND`.
  package let command: String

  package init(_ purpose: String, _ command: String) { (self.purpose, self.command) = (purpose, command) }
  package init(_ command: String) { self.init("", command) }
  package init(stringLiteral command: String) { self.init(command) }

  /// The columns that a terminal has at least, and its own indentation.
  private static let (columns, indent) = (78, "  ")

  /// The lines to print: the purpose as a shell's comment, then the command, cut before options where it is long, with
  /// the `\` that makes a shell read on.
  package var lines: [String] {
    var lines = purpose.isEmpty ? [] : [Self.indent + "# " + purpose + ":"]
    var line = Self.indent
    for part in parts {
      if line.count + part.count + 3 > Self.columns && line != Self.indent {
        lines.append(line + " \\")
        line = Self.indent + Self.indent + Self.indent
      }
      line += (line.last == " " ? "" : " ") + part
    }
    return lines + [line]
  }

  /// The command and its options, each with its values.
  private var parts: [String] {
    var parts: [String] = []
    for word in command.split(separator: " ") {
      if parts.isEmpty || word.hasPrefix("--") {
        parts.append(String(word))
      } else {
        parts[parts.count - 1] += " " + word
      }
    }
    return parts
  }
}

/// What a command's help says before its options: paragraphs, which the terminal wraps, then examples, which nothing may
/// wrap.
package struct CommandHelp: Equatable {
  /// Each one line, or the lines of one that is shown as it is; those are indented.
  package var paragraphs: [String]
  package var examples: [Example]

  private static let titles = ["EXAMPLE:", "EXAMPLES:"]

  /// Paragraphs as they are written in a source file, where lines end anywhere.
  package init(_ text: String, examples: [Example]) {
    paragraphs = Self.paragraphs(text).map { lines in
      lines[0].hasPrefix(" ") ? lines.joined(separator: "\n") : lines.joined(separator: " ")
    }
    self.examples = examples
  }

  /// What a command's help shows, read back.
  package init(discussion: String) {
    (paragraphs, examples) = ([], [])
    for lines in Self.paragraphs(discussion) {
      if !Self.titles.contains(lines[0]) {
        paragraphs.append(lines.joined(separator: "\n"))
        continue
      }
      var (purpose, command) = ("", "")
      for line in lines.dropFirst().map({ $0.drop { $0 == " " } }) {
        if line.hasPrefix("# ") {
          purpose = String(line.dropFirst(2).dropLast())
        } else {
          command += line.hasSuffix("\\") ? line.dropLast() : line
          if line.hasSuffix("\\") { continue }
          examples.append(Example(purpose, command))
          (purpose, command) = ("", "")
        }
      }
    }
  }

  /// What help shows.
  package var discussion: String {
    var parts = paragraphs
    if !examples.isEmpty {
      let title = Self.titles[examples.count == 1 ? 0 : 1]
      parts.append(([title] + examples.flatMap(\.lines)).joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }

  /// The lines of each paragraph.
  private static func paragraphs(_ text: String) -> [[String]] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .split { $0.allSatisfy { $0 == " " } }
      .map { $0.map(String.init) }
  }
}

extension CommandConfiguration {
  /// A command with what it does, in paragraphs that may end their lines anywhere, and examples of it.
  init(
    commandName: String, abstract: String, discussion: String = "", examples: [Example], version: String = "",
    subcommands: [ParsableCommand.Type] = [], groupedSubcommands: [CommandGroup] = []
  ) {
    self.init(
      commandName: commandName, abstract: abstract,
      discussion: CommandHelp(discussion, examples: examples).discussion, version: version,
      subcommands: subcommands, groupedSubcommands: groupedSubcommands)
  }
}
