import Foundation
import TestSupport
import Testing

/// One target as Package.swift lists it.
private struct Target {
  let name: String
  let kind: Substring
  let path: String
  let dependencies: Set<String>

  /// All targets in the order of the manifest.
  static func all() throws -> [Target] {
    let text = try String(contentsOf: repositoryRoot().appending(path: "Package.swift"), encoding: .utf8)
    let list = text[(text.range(of: "targets: [\n    //")?.lowerBound ?? text.startIndex)...]
    let starts = list.matches(of: /\.(systemLibrary|target|executableTarget|testTarget)\(/)
    return try starts.enumerated().map { index, start in
      let end = index + 1 < starts.count ? starts[index + 1].range.lowerBound : list.endIndex
      let body = list[start.range.upperBound..<end]
      let name = try #require(body.firstMatch(of: /name: "(\w+)"/))
      let path = try #require(body.firstMatch(of: /path: "([^"]+)"/), "\(name.1) has no path")
      let dependencies = body.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.1 ?? ""
      return Target(
        name: String(name.1), kind: start.1, path: String(path.1),
        dependencies: Set(dependencies.matches(of: /"([\w-]+)"/).map { String($0.1) }))
    }
  }

  /// The modules that the target's Swift files import, with the file of each.
  func imports() throws -> [(file: String, module: String)] {
    try swiftFiles(below: path).flatMap { file in
      try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        guard let place = words.firstIndex(of: "import"), let module = words.last,
          words[..<place].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal"].contains($0) })
        else { return nil }
        return (file.lastPathComponent, String(module.prefix { $0 != "." }))
      }
    }
  }
}

/// The Swift files of a folder of the repository and of the folders below it.
func swiftFiles(below path: String) -> [URL] {
  let folder = repositoryRoot().appending(path: path)
  let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
  return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
}

@Suite struct TargetOrderTests {
  @Test func `the manifest lists every target with its folder`() throws {
    let targets = try Target.all()
    #expect(targets.count > 30)
    #expect(Set(targets.map { $0.name }).count == targets.count)
    for target in targets {
      let path = repositoryRoot().appending(path: target.path).path
      #expect(FileManager.default.fileExists(atPath: path), "\(target.name): \(target.path)")
    }
  }

  @Test func `a target imports only what stands before it and what it declares`() throws {
    let targets = try Target.all()
    let names = Set(targets.map { $0.name })
    var before: Set<String> = []
    for target in targets {
      for (file, module) in try target.imports() where names.contains(module) {
        #expect(before.contains(module), "\(target.name)/\(file) imports \(module), which stands after it")
        #expect(
          target.dependencies.contains(module),
          "\(target.name)/\(file) imports \(module), not a declared dependency")
      }
      before.insert(target.name)
    }
  }

  @Test func `a target depends only on what stands before it`() throws {
    let targets = try Target.all()
    let names = Set(targets.map { $0.name })
    var before: Set<String> = []
    for target in targets {
      let later = target.dependencies.intersection(names).subtracting(before)
      #expect(later == [], "\(target.name)")
      before.insert(target.name)
    }
  }

  @Test func `Emanate gives its users every library target of the package`() throws {
    let libraries = try Target.all().filter { $0.kind == "target" && $0.name.hasPrefix("Emanate") }
    let text = try swiftFiles(below: "Sources/Emanate").map { try String(contentsOf: $0, encoding: .utf8) }
      .joined()
    let exported = Set(text.matches(of: /@_exported import (\w+)/).map { String($0.1) })
    #expect(Set(libraries.map { $0.name }).subtracting(exported) == ["Emanate"])
  }
}
