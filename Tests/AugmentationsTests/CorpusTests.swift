import Foundation
import TestSupport
import Testing

@Suite("The fuzz target's recipes")
struct CorpusTests {
  @Test("Each is refused by name, or writes and reads back equal")
  func properties() throws {
    let files = try corpusFiles("recipe")
    #expect(files.count > 5)
    for file in files {
      // Others than UTF-8 are refused before they are read as YAML.
      guard let text = String(validating: try Data(contentsOf: file), as: UTF8.self) else { continue }
      #expect(brokenProperty(ofRecipe: text) == nil, "\(file.lastPathComponent)")
    }
  }
}
