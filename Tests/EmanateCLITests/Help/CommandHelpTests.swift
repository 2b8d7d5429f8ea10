import ArgumentParser
import EmanateCLI
import Foundation
import TestSupport
import Testing

@Suite struct CommandHelpTests {
  static let commands = CommandDump.program().all

  private static func help(_ command: CommandDump) -> CommandHelp {
    CommandHelp(discussion: command.discussion ?? "")
  }

  private static func name(_ command: CommandDump) -> String { command.words.joined(separator: " ") }

  @Test func `every command says what it does and ends its help in an example of itself`() {
    #expect(Self.commands.count > 25)
    for command in Self.commands {
      let name = Self.name(command)
      #expect(command.abstract?.hasSuffix(".") == true, "\(name): \(command.abstract ?? "")")
      let examples = Self.help(command).examples
      #expect(!examples.isEmpty, "\(name)")
      for example in examples { #expect("\(example.command) ".hasPrefix(name + " "), "\(name)") }
      #expect(command.discussion?.hasSuffix(examples.last?.lines.last ?? "?") == true, "\(name)")
    }
  }

  @Test func `every example is a command line that the program accepts`() throws {
    for example in Self.commands.flatMap({ Self.help($0).examples }) {
      let words = example.command.split(separator: " ").map(String.init)
      #expect(words.first == "emanate")
      #expect(throws: Never.self, "\(example.command)") {
        _ = try EmanateCommand.parseAsRoot(Array(words.dropFirst()))
      }
    }
  }

  @Test func `a terminal of 80 columns shows examples as they are`() throws {
    for command in Self.commands {
      let printed = EmanateCommand.helpMessage(for: try Self.type(command), columns: 80)
      for example in Self.help(command).examples {
        #expect(printed.contains(example.lines.joined(separator: "\n")), "\(Self.name(command))")
      }
    }
  }

  /// The type of a command, found by its words.
  private static func type(_ command: CommandDump) throws -> ParsableCommand.Type {
    var type: ParsableCommand.Type = EmanateCommand.self
    for word in command.words.dropFirst() {
      type = try #require(type.configuration.subcommands.first { $0.configuration.commandName == word })
    }
    return type
  }

  @Test func `every option says what it is for, and what holds where it is left out`() {
    // Left out, these do nothing, or another one takes their place.
    let optional: Set = [
      "--out", "--config", "--set", "--data", "--train", "--test", "--teacher", "--teacher-cache",
      "--weights",
      "--csv", "--plot", "--what-if",
    ]
    for command in Self.commands {
      for argument in command.ownArguments {
        let (name, text) = ("\(Self.name(command)) \(argument.option)", argument.abstract ?? "")
        #expect(text.count > 15 && [".", ")"].contains(text.suffix(1)), "\(name): \(text)")
        guard argument.kind == .option, argument.isOptional, argument.defaultValue == nil else { continue }
        #expect(text.contains("(default: ") || optional.contains(argument.option), "\(name): \(text)")
      }
    }
  }

  @Test func `every option but those that take numbers completes its value`() {
    let numbers: Set = [
      "--threads", "--seed", "--seeds", "--minutes", "--patch", "--side", "--k", "--temperature",
      "--test-share",
      "--epochs", "--batch", "--learning-rate", "--generations", "--images", "--epsilon", "--epsilon-l2",
      "--steps", "--step-size", "--restarts", "--confidence", "--cw-search", "--cw-steps", "--cw-rate",
      "--block", "--threshold", "--queries", "--perplexity", "--thumbnail-side", "--epoch", "--pixel-limit",
      "--limit", "--repeats", "--global-side", "--local-side", "--locals", "--prototypes", "--batch-parts",
      "--channels",
    ]
    for command in Self.commands {
      for argument in command.ownArguments where argument.kind != .flag {
        let isNumber = numbers.contains(argument.option) && argument.allValues == nil
        #expect(
          (argument.completionKind == nil) == isNumber,
          "\(Self.name(command)) \(argument.option)\(argument.valueName ?? "")")
      }
    }
  }

  /// A command line's words as a shell has them: what stands between single quotes is one, and # begins a comment.
  private static func words(_ line: String) -> [String] {
    var (words, isQuoted, isOpen) = ([String](), false, false)
    for character in line {
      if character == "'" {
        isQuoted.toggle()
      } else if character == "#" && !isOpen && !isQuoted {
        break
      } else if character == " " && !isQuoted {
        isOpen = false
        continue
      }
      if !isOpen { words.append("") }
      isOpen = true
      if character != "'" { words[words.count - 1].append(character) }
    }
    return words
  }

  @Test(arguments: ["README.md", "CONTRIBUTING.md", "docs/pictures/README.md"])
  func `every command line of a guide is one that the program accepts`(file: String) throws {
    let text = try String(contentsOf: repositoryRoot().appending(path: file), encoding: .utf8)
      .replacingOccurrences(of: "\\\n", with: "")
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("    emanate ") && !$0.contains(" ...") }
    #expect(lines.count > 2)
    for line in lines {
      #expect(throws: Never.self, "\(line)") {
        _ = try EmanateCommand.parseAsRoot(Array(Self.words(String(line)).dropFirst()))
      }
    }
  }

  @Test func `lines of a paragraph are joined, indented ones stay, and examples read back`() {
    let help = CommandHelp(
      """
      One
      paragraph.

        a: 1
        b: 2
      """,
      examples: [
        "emanate list keys",
        Example(
          "Long",
          "emanate pretrain --data photos --out runs/photos --set training.epochs=20 --set head.prototypes=1024"
        ),
      ])
    #expect(help.paragraphs == ["One paragraph.", "  a: 1\n  b: 2"])
    #expect(
      help.discussion.hasSuffix(
        """
        EXAMPLES:
          emanate list keys
          # Long:
          emanate pretrain --data photos --out runs/photos --set training.epochs=20 \\
              --set head.prototypes=1024
        """))
    #expect(CommandHelp(discussion: help.discussion) == help)
  }

  @Test func `help by the program lists every command, each with a line`() throws {
    let help = try Program.run(["help"])
    #expect(help.status == 0)
    for command in Self.commands where command.words.count == 2 {
      #expect(help.output.contains("\n  \(command.commandName) "), "\(command.commandName)")
    }
  }
}
