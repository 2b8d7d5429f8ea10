import ArgumentParser
import EmanateInterchange
import Foundation

/// `emanate manual`: the help of all commands as man pages.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "Writes the man pages, one for the program and one for each command.",
    discussion: """
      `make install` does it, and installs what `emanate --generate-completion-script SHELL` prints for bash, zsh and
      fish. Where only the program was copied, this puts the pages where `man` looks for them.
      """,
    examples: ["emanate manual --out ~/.local/share/man/man1"])

  @Option(
    help: "The folder for the pages; it is made where there is none, and pages of before are replaced.",
    completion: .directory)
  var out: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let pages = Manual.pages(date: Manual.date(try Self.now))
    do {
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
      for page in pages {
        try Data(page.text.utf8).write(to: URL(filePath: out).appending(path: page.name), options: .atomic)
      }
    } catch {
      throw CommandFailure(.files, "\(out): \(error.localizedDescription)")
    }
    output.result(
      Summary(pages: pages.map(\.name)), text: "\(pages.count) pages in \(out), the first of them emanate.1")
  }

  /// Today, or what the environment says so that the pages come out the same again.
  private static var now: Date {
    get throws {
      guard let text = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"] else { return Date() }
      guard let seconds = Double(text), abs(seconds) < 1e11 else {
        throw CommandFailure(.usage, "SOURCE_DATE_EPOCH: \(text) is not a number of seconds")
      }
      return Date(timeIntervalSince1970: seconds)
    }
  }

  private struct Summary: Encodable { let pages: [String] }
}
