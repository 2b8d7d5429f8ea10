import Foundation
import TestSupport
import Testing

@Suite("The fuzz target's safetensors files")
struct CorpusTests {
  @Test("Each is refused by name, or writes and reads back equal")
  func properties() throws {
    let files = try corpusFiles("safetensors")
    #expect(files.count > 10)
    try withFolder { folder in
      for file in files {
        let broken = brokenProperty(ofSafetensors: file.path, copy: folder + "/copy.safetensors")
        #expect(broken == nil, "\(file.lastPathComponent)")
      }
    }
  }
}
