import Foundation
import TestSupport
import Testing

/// The lines of a Swift file without comments, numbered from 1.
private func codeLines(_ file: URL) throws -> [(number: Int, text: Substring)] {
  try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    .enumerated()
    .map {
      ($0.offset + 1, $0.element.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0])
    }
}

@Suite struct SourceRuleTests {
  static let folders = ["Sources", "augmentations"]

  /// What is written here: what a program made of a description (`onnx.pb.swift`) keeps to that program's rules.
  private static func written(_ folder: String) -> [URL] {
    swiftFiles(below: folder).filter { !$0.lastPathComponent.hasSuffix(".pb.swift") }
  }

  /// Pointers stand where numbers are crunched or bytes come from outside or go there. Above these places everything
  /// is values: methods, training, reports and commands touch no pointer.
  static let unsafeFolders = [
    "Sources/Kernels/", "Sources/Tensors/", "Sources/Autograd/", "Sources/Objectives/",
    "Sources/Optimization/",
    "Sources/Networks/ParameterStore.swift", "Sources/Images/", "Sources/Data/", "augmentations/",
    "Sources/Interchange/", "Sources/Evaluation/", "Sources/Configuration/Resource.swift",
    "Sources/Training/JSONLines.swift",
  ]

  /// Types whose safety the compiler cannot see; each says at its declaration what guards it.
  static let uncheckedFiles = ["Sources/Tensors/Storage.swift", "Sources/Kernels/ThreadPool.swift"]

  private func path(_ file: URL) -> String {
    String(file.path.dropFirst(repositoryRoot().path.count)).trimmingCharacters(in: ["/"])
  }

  @Test func `pointers appear only in the folders that are for them`() throws {
    for file in Self.folders.flatMap(Self.written) {
      let name = path(file)
      if Self.unsafeFolders.contains(where: { name.hasPrefix($0) }) { continue }
      for (number, line) in try codeLines(file) {
        let isSafe = !["Unsafe", "Unmanaged"].contains { line.contains($0) }
        #expect(isSafe, "\(name):\(number)")
      }
    }
  }

  @Test func `only storage and the thread pool vouch for their own thread safety`() throws {
    for file in Self.folders.flatMap(Self.written) {
      let name = path(file)
      for (number, line) in try codeLines(file) {
        #expect(!line.contains("nonisolated(unsafe)"), "\(name):\(number)")
        #expect(!line.contains("@preconcurrency"), "\(name):\(number)")
        if line.contains("@unchecked Sendable") {
          #expect(Self.uncheckedFiles.contains(name), "\(name):\(number)")
        }
      }
    }
  }

  @Test func `no source file is longer than 400 lines`() throws {
    for file in (Self.folders + ["Tests"]).flatMap(Self.written) {
      let count = try String(contentsOf: file, encoding: .utf8).split(
        separator: "\n", omittingEmptySubsequences: false
      )
      .count
      #expect(count <= 401, "\(path(file))")
    }
  }

  @Test func `nothing is printed outside the command line, and no error is silenced by force`() throws {
    for file in Self.folders.flatMap(Self.written) where !path(file).hasPrefix("Sources/EmanateCLI/") {
      for (number, line) in try codeLines(file) {
        #expect(!line.split(separator: " ").contains { $0.hasPrefix("print(") }, "\(path(file)):\(number)")
        #expect(!line.contains("try!"), "\(path(file)):\(number)")
      }
    }
  }
}
