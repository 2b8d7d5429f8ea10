import EmanateCLI
import Foundation
import Testing

@Suite struct ManualPageTests {
  /// The pages, by name, and what wrote them.
  private static func pages(_ environment: String = "SOURCE_DATE_EPOCH=0") throws -> [String: String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)/man1")
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    let written = try Program.run(
      [environment, Program.executable.path, "manual", "--out", folder.path],
      by: URL(filePath: "/usr/bin/env"))
    #expect(written.status == 0 && written.errors == "", "\(written.errors)")
    var pages: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      pages[name] = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }
    return pages
  }

  @Test func `the program and every command have a page with all their options and examples`() throws {
    let pages = try Self.pages()
    let commands = CommandDump.program().all
    #expect(pages.count == commands.count)
    for command in commands {
      let name = command.words.joined(separator: "-") + ".1"
      let page = try #require(pages[name], "\(name)")
      #expect(page.contains("\n.Dd January 1, 1970\n"))
      let places = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"].map {
        page.range(of: "\n.Sh \($0)\n")?.lowerBound
      }
      #expect(
        places.allSatisfy { $0 != nil } && places.compactMap { $0 } == places.compactMap { $0 }.sorted())
      for argument in command.ownArguments where argument.kind != .positional {
        let option = argument.option.dropFirst().replacingOccurrences(of: "-", with: "\\-")
        #expect(page.contains("\n.It Fl \(option)"), "\(name): \(argument.option)")
      }
      for example in CommandHelp(discussion: command.discussion ?? "").examples {
        let line = example.command.split(separator: " ").prefix(2).joined(separator: " ")
          .replacingOccurrences(of: "-", with: "\\-")
        #expect(page.contains(".Bd -literal -offset indent\n" + line), "\(name): \(line)")
      }
    }
  }

  @Test func `the program's page has environment, files, and a line for each command in its group`() throws {
    let page = try #require(try Self.pages()["emanate.1"])
    for text in [
      ".Sh ENVIRONMENT", ".It Ev OPENBLAS_CORETYPE", ".Sh FILES", ".It Pa metrics.jsonl", ".Ss Training\n",
      ".It Xr emanate-pretrain 1", ".It 74\n",
    ] { #expect(page.contains(text), "\(text)") }
  }

  @Test func `no line of a page is read as a request that it is not`() throws {
    let requests: Set = [
      ".\\\"", ".Dd", ".Dt", ".Os", ".Sh", ".Ss", ".Nm", ".Nd", ".Op", ".Fl", ".Ar", ".Pp", ".Bl", ".It",
      ".El",
      ".Bd", ".Ed", ".Xr",
    ]
    for (name, page) in try Self.pages() {
      for line in page.split(separator: "\n") {
        if line.hasPrefix(".") {
          #expect(requests.contains(String(line.prefix { $0 != " " })), "\(name): \(line)")
        } else {
          #expect(!line.hasPrefix("'") && line.utf8.count < 100, "\(name): \(line)")
        }
      }
    }
  }

  @Test func `mandoc finds nothing to say, where there is one`() throws {
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/mandoc") else {
      print("No mandoc here: pages are not read by it.")
      return
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)/man1")
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    _ = try Program.run(["manual", "--out", folder.path])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let lint = try Program.run(
      ["-Tlint", "-Wwarning"] + names, in: folder.path, by: URL(filePath: "/usr/bin/mandoc"))
    #expect(lint.output == "" && lint.errors == "", "\(lint.output)\(lint.errors)")
  }

  @Test func `a folder that cannot be made and a date that is none are refused`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let refused = try Program.run(["manual", "--out", file.path + "/man1"])
    #expect(refused.status == 74 && refused.errors.contains(file.path))
    let dated = try Program.run(
      ["SOURCE_DATE_EPOCH=soon", Program.executable.path, "manual", "--out", file.path],
      by: URL(filePath: "/usr/bin/env"))
    #expect(dated.status == 64 && dated.errors.contains("SOURCE_DATE_EPOCH: soon"))
  }
}
