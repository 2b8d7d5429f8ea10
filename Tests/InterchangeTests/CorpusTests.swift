import Foundation
import TestSupport
import Testing

@Suite("The fuzz targets' files")
struct CorpusTests {
  @Test("Each safetensors file is refused by name, or writes and reads back equal")
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

  @Test("Each PyTorch checkpoint is refused by name, or all its tensors can be had")
  func pytorch() throws {
    let files = try corpusFiles("pytorch")
    #expect(files.count > 10)
    try withFolder { folder in
      for file in files {
        let path = folder + "/input.pth"
        try Data(checkpoint(ofInput: bytes(file.path))).write(to: URL(filePath: path))
        let broken = brokenProperty(ofPyTorch: path)
        #expect(broken == nil, "\(file.lastPathComponent)")
      }
    }
  }
}
