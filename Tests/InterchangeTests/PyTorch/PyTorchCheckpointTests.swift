import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("PyTorch checkpoints")
struct PyTorchCheckpointTests {
  /// The numbers that PyTorch has under `checkpoint/part/` or `checkpoint/`.
  private func compare(_ contents: PyTorchContents, with prefix: String, strip: [String] = []) throws {
    let expected = try Safetensors.read(golden("pytorch/expected.safetensors"))
    var compared = 0
    for name in expected.names where name.hasPrefix(prefix + "/") {
      var key = String(name.dropFirst(prefix.count + 1))
      for part in strip where key.hasPrefix(part) { key.removeFirst(part.count) }
      let (found, wanted) = (try contents.tensor(key), try expected.tensor(name))
      #expect(found.shape == wanted.shape, "\(name)")
      #expect(found.array.map(\.bitPattern) == wanted.array.map(\.bitPattern), "\(name)")
      compared += 1
    }
    #expect(compared == contents.names.count)
  }

  @Test(
    "State dicts give PyTorch's numbers: every type, every view, both formats, every protocol",
    arguments: ["module", "types", "views", "legacy", "protocol3", "protocol4", "protocol5"])
  func numbers(name: String) throws {
    let contents = try PyTorchCheckpoint.read(golden("pytorch/\(name).pth"))
    #expect(contents.part == nil)
    try compare(contents, with: name)
  }

  @Test("A checkpoint of a training script gives its parts, without the wrappers' prefixes")
  func parts() throws {
    let path = golden("pytorch/training.pth")
    let checkpoint = try PyTorchCheckpoint(path)
    #expect(checkpoint.parts == ["student", "teacher", "dino_loss"])
    for part in checkpoint.parts {
      let contents = try checkpoint.contents(part)
      #expect(contents.part == part)
      try compare(contents, with: "training/\(part)", strip: ["module.", "backbone."])
    }
    #expect(try checkpoint.contents("student").names == ["cls_token", "head.mlp.0.weight"])
    #expect(error { try checkpoint.contents() }.contains("student, teacher, dino_loss"))
    #expect(
      error { try checkpoint.contents("model") }.contains("`model`; there are: student, teacher, dino_loss"))
  }

  @Test(
    "The usual part is chosen where one is, types are called as in safetensors, and both formats are one thing"
  )
  func weightsFile() throws {
    let file = try WeightsFile.read(golden("pytorch/nested.pth"))
    #expect(file.type(of: "i64") == "I64" && file.type(of: "bf16") == "BF16" && file.type(of: "none") == nil)
    #expect(file.shape(of: "empty") == [0, 7] && file.metadata.isEmpty && file.names.first == "f64")
    #expect(try file.tensor("scalar", shape: []).array == [0.1])
    let path = golden("pytorch/training.pth")
    #expect(try WeightsFile.read(path, network: "teacher").tensor("cls_token").array[0] == -5 / 3 + 2)
    #expect(try WeightsFile.read(path, network: "student").tensor("cls_token").array[0] == -5 / 3)
    #expect(try WeightsFile.read(golden("float32.safetensors"), network: "student").names.first == "b")
    #expect(error { try file.tensor("scalar", shape: [1]) }.contains("shape [], and [1]"))
    #expect(error { try file.tensor("none", shape: [1]) }.contains("no tensor `none`"))
    try withFolder { folder in
      try Data("{}, this is no weights file".utf8).write(to: URL(filePath: folder + "/a.pth"))
      #expect(error { try WeightsFile.read(folder + "/a.pth") }.contains("a.pth: neither"))
      #expect(error { try WeightsFile.read(folder + "/b.pth") }.contains("b.pth: cannot read"))
    }
  }

  @Test(
    "Every cut of a checkpoint is refused; every damaged byte is no more than an error",
    arguments: ["module", "legacy"])
  func damaged(name: String) throws {
    let whole = try bytes(golden("pytorch/\(name).pth"))
    try withFolder { folder in
      let path = folder + "/damaged.pth"
      try Data(whole).write(to: URL(filePath: path))
      // In place: a file written anew may wait for the disk, thousands of times.
      let file = try #require(FileHandle(forUpdatingAtPath: path))
      func write(_ byte: UInt8, at place: Int) throws {
        try file.seek(toOffset: UInt64(place))
        try file.write(contentsOf: [byte])
      }
      for place in whole.indices {
        for change: UInt8 in [0x01, 0xFF] {
          try write(whole[place] ^ change, at: place)
          let broken = brokenProperty(ofPyTorch: path)
          #expect(broken == nil, "byte \(place) xor \(change)")
        }
        try write(whole[place], at: place)
      }
      #expect(try !PyTorchCheckpoint.read(path).names.isEmpty)
      for count in whole.indices.reversed() {
        try file.truncate(atOffset: UInt64(count))
        #expect(throws: PyTorchError.self, "\(count) bytes") { try PyTorchCheckpoint.read(path) }
      }
    }
  }

  /// The error's words, or none.
  private func error<Result>(_ body: () throws -> Result) -> String {
    do { _ = try body() } catch { return "\(error)" }
    return ""
  }
}
