import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("PyTorch's format before 1.6")
struct PyTorchLegacyTests {
  /// The bytes of a file with the tensor `x` of storage `0`, four numbers.
  private func file(
    isLittleEndian: Bool = true, keys: [String] = ["0"], count: Int = 4, rest: [UInt8] = little(0, 16),
    more: [UInt8] = []
  ) -> [UInt8] {
    let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    let tensor = Pickle.tensor(Pickle.storage("0", 4), [2, 2], [2, 1])
    let list = [0x5D, 0x28] + keys.flatMap(Pickle.text) + [0x65]
    let machine = Pickle.dictionary([("little_endian", [isLittleEndian ? 0x88 : 0x89])])
    return Pickle.file(magic) + Pickle.file(Pickle.integer(1001)) + Pickle.file(machine)
      + Pickle.file(Pickle.dictionary([("x", tensor)] + (more.isEmpty ? [] : [("y", more)])))
      + Pickle.file(list)
      + little(count, 8) + rest
  }

  private func refusal(_ bytes: [UInt8]) throws -> String {
    try withFolder { folder in
      let path = folder + "/bad.pth"
      try Data(bytes).write(to: URL(filePath: path))
      #expect(brokenProperty(ofPyTorch: path) == nil)
      do {
        #expect(try PyTorchCheckpoint.read(path).tensor("x").array == [0, 0, 0, 0])
        return ""
      } catch { return "\(error)" }
    }
  }

  @Test("Storages that are missing, doubled, of another length or cut short are refused")
  func storages() throws {
    #expect(try refusal(file()) == "")
    #expect(try refusal(file(keys: [])).contains("tensor `x`: the file has no storage of its key"))
    #expect(try refusal(file(keys: ["1"])).contains("names a storage that no tensor has"))
    #expect(
      try refusal(file(keys: ["0", "0"], rest: little(0, 16) + little(4, 8) + little(0, 16))).contains("`0`"))
    #expect(try refusal(file(count: 3)).contains("storage `0` of 4 numbers does not lie in the file"))
    #expect(try refusal(file(count: 1 << 62)).contains("does not lie in the file"))
    #expect(try refusal(file(rest: little(0, 15))).contains("cut short"))
    let other = Pickle.tensor(Pickle.storage("0", 2, "DoubleStorage"), [2], [1])
    #expect(try refusal(file(more: other)).contains("storage `0` is declared in two ways"))
    #expect(try refusal(file(isLittleEndian: false)).contains("not little-endian"))
  }

  @Test("Its pickles are read like any other: classes and functions by name only, each with its own offsets")
  func pickles() throws {
    let call = Pickle.call(Pickle.global("os", "system"), [Pickle.text("exit 1")])
    let text = try refusal(file(more: call))
    #expect(text.contains("the object's pickle, byte") && text.contains("`os.system`"), "\(text)")
    #expect(try refusal(Array(file().prefix(15))).contains("the version's pickle ends without STOP"))
    let tail =
      Pickle.tuple(
        [
          Pickle.text("storage"), Pickle.global("torch", "FloatStorage"), Pickle.text("0"),
          Pickle.text("cpu"),
          Pickle.integer(4), Pickle.tuple([0, 0]),
        ]) + [0x51]
    #expect(try refusal(file(more: Pickle.tensor(tail, [4], [1]))).contains("a view of another"))
    let long = Pickle.tensor(Pickle.storage(String(repeating: "0", count: 300), 4), [4], [1])
    #expect(try refusal(file(more: long)).contains("key of 300 bytes"))
  }
}
