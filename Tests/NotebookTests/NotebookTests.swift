import Emanate
import Foundation
import TestSupport
import Testing

/// What `make notebooks` runs: every block of every notebook, outputs and pictures compared with the files.
@Suite(.serialized) struct NotebookTests {
  /// EMANATE_NOTEBOOKS=check runs the notebooks, which takes minutes; write also puts outputs and pictures into the files.
  static let mode = ProcessInfo.processInfo.environment["EMANATE_NOTEBOOKS"] ?? ""

  /// EMANATE_NOTEBOOKS_ONLY=03 runs those whose names hold these characters.
  static let only = ProcessInfo.processInfo.environment["EMANATE_NOTEBOOKS_ONLY"] ?? ""

  /// Tutorials, and the guides of the library's documentation, by their paths in the repository.
  static let files = ["notebooks-md", "Sources/Emanate/Emanate.docc/Guides"].flatMap { folder in
    let names = try? FileManager.default.contentsOfDirectory(
      atPath: repositoryRoot().appending(path: folder).path)
    return (names ?? []).filter { $0.hasSuffix(".md") && $0 != "README.md" }.sorted().map {
      "\(folder)/\($0)"
    }
  }

  @Test func `there are notebooks, and every picture beside them stands in one`() throws {
    #expect(!Self.files.isEmpty)
    let shown = try Self.files.flatMap { path in
      let notebook = try Notebook(repositoryRoot().appending(path: path))
      return notebook.pictures.map { (path as NSString).deletingLastPathComponent + "/" + $0.path }
    }
    let folder = repositoryRoot().appending(path: "notebooks-md/pictures").path
    let lying = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    #expect(Set(shown) == Set(lying.map { "notebooks-md/pictures/\($0)" }))
  }

  @Test(
    .enabled(if: !mode.isEmpty, "make notebooks runs them"),
    arguments: files.filter { only.isEmpty || $0.contains(only) })
  func `a notebook's blocks print and draw what the notebook shows`(path: String) throws {
    let notebook = try Notebook(repositoryRoot().appending(path: path))
    let run = try NotebookRunner(notebook).run()
    let folder = notebook.file.deletingLastPathComponent()
    if Self.mode == "write" {
      for (name, data) in run.pictures { try Self.write(data, to: folder.appending(path: name)) }
      try notebook.text(withOutputs: run.outputs).write(to: notebook.file, atomically: true, encoding: .utf8)
      return
    }
    for (index, block) in notebook.blocks.enumerated() {
      guard let expected = notebook.expectedOutput(index) else { continue }
      #expect(
        isSameOutput(run.outputs[index], expected, tolerance: block.tolerance),
        "\(path), block at line \(block.line), printed:\n\(run.outputs[index].joined(separator: "\n"))")
    }
    for picture in notebook.pictures {
      let drawn = try #require(run.pictures[picture.path])
      let beside = try Data(contentsOf: folder.appending(path: picture.path))
      guard let words = difference(drawn, beside, name: picture.path, tolerance: picture.tolerance) else {
        continue
      }
      // To look at.
      let kept = repositoryRoot().appending(path: ".build/notebooks").appending(path: picture.path)
      try Self.write(drawn, to: kept)
      Issue.record("\(path): \(picture.path) is drawn otherwise, \(words); it lies in \(kept.path)")
    }
  }

  private static func write(_ data: Data, to file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }

  @Test func `pictures are found with their tolerance, and compared up to it`() throws {
    let text = """
      <!-- ±4.5 -->
      ![One](pictures/a.png) ![two](pictures/b.svg)

      ![three](pictures/c.png) [a link](pictures/d.png)
      ```bash
      ![code](pictures/e.png)
      ```
      """
    let file = FileManager.default.temporaryDirectory.appending(path: "notebook-\(UUID().uuidString).md")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let pictures = try Notebook(file).pictures
    #expect(pictures.map(\.path) == ["pictures/a.png", "pictures/b.svg", "pictures/c.png"])
    #expect(pictures.map(\.tolerance) == [4.5, 4.5, nil])

    func png(_ level: UInt8, width: Int = 3) -> Data {
      Data(PNGEncoder(level: 9).encode(Image(repeating: level, width: width, height: 2)))
    }
    #expect(difference(png(100), png(104), name: "a.png", tolerance: 4) == nil)
    #expect(difference(png(100), png(105), name: "a.png", tolerance: 4)?.contains("5.0") == true)
    #expect(difference(png(100), png(101), name: "a.png", tolerance: nil) != nil)
    #expect(difference(png(100), png(100, width: 4), name: "a.png", tolerance: 9)?.contains("3 x 2") == true)
    #expect(difference(Data("x".utf8), png(100), name: "a.png", tolerance: 9) != nil)
    let (a, b) = (Data("<svg M1 2/>".utf8), Data("<svg M1 3/>".utf8))
    #expect(
      difference(a, b, name: "a.svg", tolerance: nil) != nil
        && difference(a, a, name: "a.svg", tolerance: nil) == nil)
  }

  @Test func `numbers are compared up to the fence's tolerance, words exactly`() {
    #expect(isSameOutput(["loss 5.5432 (a)"], ["loss  5.5433 (a)"], tolerance: 1e-4))
    #expect(!isSameOutput(["loss 5.55"], ["loss 5.54"], tolerance: 1e-4))
    #expect(!isSameOutput(["loss 5.54"], ["Loss 5.54"], tolerance: 1e-4))
    #expect(!isSameOutput(["1 2"], ["1 2 3"], tolerance: 1))
    #expect(!isSameOutput(["1.0"], ["1.00"], tolerance: nil))
  }

  @Test func `blocks, their lines and their outputs are found`() throws {
    let text = """
      ```swift
      print(1)
      ```

      ```text ±1e-3
      1
      ```
      words
      ```bash
      echo
      ```
      words
      ```text
      not an output
      ```
      ```json
      {}
      ```
      """
    let file = FileManager.default.temporaryDirectory.appending(path: "notebook-\(UUID().uuidString).md")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let notebook = try Notebook(file)
    #expect(notebook.blocks.map { $0.language } == [.swift, .bash])
    #expect(notebook.blocks.map { $0.line } == [2, 10])
    #expect(notebook.blocks[0].tolerance == 1e-3 && notebook.expectedOutput(0) == ["1"])
    #expect(notebook.expectedOutput(1) == nil)
    #expect(notebook.text(withOutputs: [["2", "3"], []]).contains("±1e-3\n2\n3\n```"))
  }
}
