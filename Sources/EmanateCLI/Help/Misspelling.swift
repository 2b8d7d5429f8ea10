import EmanateAugmentations

/// A command or an option that there is none of, with the nearest one that there is.
struct Misspelling {
  /// What to say of it.
  let message: String

  /// The first one of a command line, without the program's name; nil if all its commands and options are there.
  init?(_ words: [String]) {
    var (command, rest) = (CommandDump.program(), words[...])
    while let word = rest.first, let child = command.children.first(where: { $0.commandName == word }) {
      (command, rest) = (child, rest.dropFirst())
    }
    if let word = rest.first, !word.hasPrefix("-"), !command.children.isEmpty {
      if word == "help" { return nil }
      message =
        "there is no command `\(word.printable)`" + Self.guess(word, command.children.map(\.commandName))
      return
    }
    let options =
      command.ownArguments.map(\.option)
      + ["--help", "--version", "--generate-completion-script", "--experimental-dump-help"]
    let given = rest.map { String($0.prefix { $0 != "=" }) }
    guard let word = given.first(where: { $0.hasPrefix("--") && $0 != "--" && !options.contains($0) }) else {
      return nil
    }
    message =
      "`\(command.words.joined(separator: " "))` has no option `\(word.printable)`"
      + Self.guess(word, options)
  }

  /// The nearest name, where it is near; only the first letters of a very long word are compared.
  private static func guess(_ word: String, _ names: [String]) -> String {
    let distances = names.map { (name: $0, distance: editDistance(String(word.prefix(100)), $0)) }
    guard let nearest = distances.min(by: { $0.distance < $1.distance }),
      nearest.distance <= 1 + word.count / 3
    else { return "" }
    return "; did you mean `\(nearest.name)`?"
  }
}
