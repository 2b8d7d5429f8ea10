import Foundation
import TestSupport

/// Runs a notebook's blocks in a folder of their own and returns what each printed, and the pictures they drew.
///
/// The Swift blocks of a notebook are one program, compiled against the modules that the build left; its `bash` blocks
/// are one session with `emanate` on the PATH. Bash blocks above the first Swift block run before it, the others
/// after it.
struct NotebookRunner {
  struct Failure: Error, CustomStringConvertible { let description: String }

  let notebook: Notebook
  let folder: URL
  /// Where modules, objects and the program are: the folder of the running tests.
  let build: URL

  init(_ notebook: Notebook) throws {
    self.notebook = notebook
    folder = FileManager.default.temporaryDirectory.appending(path: "emanate-notebook-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let tests = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    let isBuild = FileManager.default.fileExists(atPath: tests.appending(path: "Modules").path)
    build = isBuild ? tests : repositoryRoot().appending(path: ".build/release").resolvingSymlinksInPath()
  }

  /// What each block printed, line by line, and the notebook's pictures by their paths.
  func run() throws -> (outputs: [[String]], pictures: [String: Data]) {
    defer { try? FileManager.default.removeItem(at: folder) }
    let places = notebook.blocks.indices
    let swift = places.filter { notebook.blocks[$0].language == .swift }
    let before = places.filter { $0 < swift.first ?? .max && notebook.blocks[$0].language == .bash }
    let after = places.filter { $0 > swift.last ?? .max && notebook.blocks[$0].language == .bash }
    guard swift.count + before.count + after.count == places.count else {
      throw Failure(
        description: "\(notebook.file.lastPathComponent): a bash block stands between swift blocks")
    }
    var outputs = Array(repeating: [String](), count: places.count)
    for (index, output) in try runBash(before) { outputs[index] = output }
    for (index, output) in try runSwift(swift) { outputs[index] = output }
    for (index, output) in try runBash(after) { outputs[index] = output }
    var pictures: [String: Data] = [:]
    for picture in notebook.pictures {
      guard let data = try? Data(contentsOf: folder.appending(path: picture.path)) else {
        throw Failure(description: "\(notebook.file.lastPathComponent): no block makes \(picture.path)")
      }
      pictures[picture.path] = data
    }
    return (outputs, pictures)
  }

  // A line that no block prints: the outputs are cut there.
  private func marker(_ index: Int) -> String { "@@@ block \(index)" }

  private func runBash(_ blocks: [Int]) throws -> [(Int, [String])] {
    if blocks.isEmpty { return [] }
    // Variables and functions of the blocks above the Swift program are known to those below it.
    var script = "[ -e session ] && source ./session 2> /dev/null || true\n"
    script += "set -euo pipefail\nexport LC_ALL=C\n"
    for index in blocks {
      script += "echo '\(marker(index))'\n" + notebook.blocks[index].code.joined(separator: "\n") + "\n"
    }
    script += "(declare -p | grep -v '^declare -[a-zA-Z]*r'; declare -f) > session\n"
    try script.write(to: folder.appending(path: "blocks.sh"), atomically: true, encoding: .utf8)
    return cut(try output(of: "bash", ["blocks.sh"]), blocks)
  }

  private func runSwift(_ blocks: [Int]) throws -> [(Int, [String])] {
    if blocks.isEmpty { return [] }
    var source = ""
    for index in blocks {
      let block = notebook.blocks[index]
      source += "print(\"\(marker(index))\")\n"
      source += "#sourceLocation(file: \"\(notebook.file.lastPathComponent)\", line: \(block.line))\n"
      source += block.code.joined(separator: "\n") + "\n#sourceLocation()\n"
    }
    try source.write(to: folder.appending(path: "main.swift"), atomically: true, encoding: .utf8)
    _ = try output(
      of: "swiftc", ["main.swift", "-o", "notebook", "-swift-version", "6"] + compilerArguments())
    return cut(try output(of: "./notebook", []), blocks)
  }

  /// Where the package's modules are and what to link: the objects of the program `emanate` without its own.
  private func compilerArguments() throws -> [String] {
    let sources = repositoryRoot().appending(path: "Sources")
    var arguments = ["-I", build.appending(path: "Modules").path]
    for system in ["COpenBLAS", "CLibPNG", "CLibJPEG", "CZlib"] {
      arguments += ["-I", sources.appending(path: system).path]
    }
    let own = try FileManager.default.contentsOfDirectory(at: build, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasPrefix("C") && $0.pathExtension == "build" }
      .map { $0.appending(path: "module.modulemap") }
    let yaml = build.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "checkouts/Yams/Sources/CYaml/include/module.modulemap")
    for map in own + [yaml] where FileManager.default.fileExists(atPath: map.path) {
      arguments += ["-Xcc", "-fmodule-map-file=\(map.path)"]
    }
    let list = try String(
      contentsOf: build.appending(path: "emanate.product/Objects.LinkFileList"), encoding: .utf8)
    arguments += list.split(whereSeparator: \.isNewline).map(String.init)
      .filter { !$0.contains("/EmanateCLI.build/") && !$0.contains("/ArgumentParser") }
    let flags = try output(
      of: "pkg-config", ["--cflags", "--libs", "openblas", "libpng", "libjpeg", "zlib", "libdeflate"])
    for flag in flags.joined(separator: " ").split(separator: " ") {
      arguments += flag.hasPrefix("-I") ? ["-Xcc", String(flag)] : [String(flag)]
    }
    return arguments + ["-lm"]
  }

  private func cut(_ lines: [String], _ blocks: [Int]) -> [(Int, [String])] {
    var result: [(Int, [String])] = []
    for line in lines {
      if let index = blocks.first(where: { marker($0) == line }) {
        result.append((index, []))
      } else if !result.isEmpty {
        result[result.count - 1].1.append(line)
      }
    }
    return result
  }

  /// Runs a command in the folder and returns the lines it printed.
  private func output(of command: String, _ arguments: [String]) throws -> [String] {
    let printed = folder.appending(path: "printed.txt")
    let errors = folder.appending(path: "errors.txt")
    for file in [printed, errors] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [command] + arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["PATH": build.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")]
    ) { $1 }
    process.standardOutput = try FileHandle(forWritingTo: printed)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOf: printed, encoding: .utf8)
    guard process.terminationStatus == 0 else {
      let reason = try String(contentsOf: errors, encoding: .utf8)
      let line = notebook.blocks.indices.last { text.contains(marker($0) + "\n") }.map {
        notebook.blocks[$0].line
      }
      throw Failure(
        description:
          "\(notebook.file.lastPathComponent): \(command) exits with \(process.terminationStatus)"
          + (line.map { " in the block at line \($0)" } ?? "") + "\n" + text.suffix(2000)
          + reason.suffix(4000))
    }
    var lines = text.components(separatedBy: "\n")
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}
