import Foundation
import TestSupport
import Testing

@Suite struct NotebookTests {
  /// Set EMANATE_WRITE_NOTEBOOKS=1 to write what the blocks print into the files.
  static let writesOutputs = ProcessInfo.processInfo.environment["EMANATE_WRITE_NOTEBOOKS"] == "1"

  /// Tutorials, and the guides of the library's documentation.
  static let files: [String] = ["notebooks-md", "Sources/Emanate/Emanate.docc/Guides"].flatMap { folder in
    let names =
      (try? FileManager.default.contentsOfDirectory(
        atPath: repositoryRoot().appending(path: folder).path)) ?? []
    return names.filter { $0.hasSuffix(".md") }.sorted().map { folder + "/" + $0 }
  }

  @Test func `there are notebooks to run`() { #expect(!Self.files.isEmpty) }

  @Test(arguments: files)
  func `a notebook's blocks run and print what the notebook says`(name: String) throws {
    let notebook = try Notebook(repositoryRoot().appending(path: name))
    let outputs = try NotebookRunner(notebook).run()
    if Self.writesOutputs {
      try notebook.text(withOutputs: outputs).write(to: notebook.file, atomically: true, encoding: .utf8)
      return
    }
    for (index, block) in notebook.blocks.enumerated() {
      guard let expected = notebook.expectedOutput(index) else { continue }
      #expect(
        isSameOutput(outputs[index], expected, tolerance: block.tolerance),
        "\(name), block at line \(block.line), printed:\n\(outputs[index].joined(separator: "\n"))")
    }
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
