import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("Pickles that no state dict needs")
struct PickleReaderTests {
  /// The error with which a checkpoint of this pickle is refused; "" if it is read.
  private func refusal(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) throws -> String {
    try withFolder { folder in
      let path = folder + "/bad.pth"
      try Data(ZipBytes(pickle: pickle, storages: storages).bytes).write(to: URL(filePath: path))
      #expect(brokenProperty(ofPyTorch: path) == nil)
      do {
        _ = try PyTorchCheckpoint.read(path)
        return ""
      } catch {
        #expect("\(error)".contains("bad.pth: "))
        return "\(error)"
      }
    }
  }

  private static let four = [("0", [UInt8](repeating: 0, count: 16))]

  @Test("A tensor built by hand is read")
  func good() throws {
    let tensor = Pickle.tensor(Pickle.storage("0", 4), [2, 2], [2, 1])
    #expect(try refusal(Pickle.file(Pickle.dictionary([("x", tensor)])), storages: Self.four) == "")
  }

  static let globals = [
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "eval"),
    ("builtins", "getattr"),
    ("subprocess", "Popen"), ("torch", "load"), ("torch.FloatStorage", "from_file"), ("torch", "Tensor"),
    ("torch.storage", "_load_from_bytes"), ("__main__", "Net"), ("collections", "OrderedDict.fromkeys"),
    ("", ""), ("torch", "FloatStorage\0"), ("os\u{1B}[2J", "system"),
  ]

  @Test(
    "Other classes and functions are refused by name, and nothing is executed", arguments: globals.indices)
  func refusesGlobal(index: Int) throws {
    let (module, name) = Self.globals[index]
    try withFolder { folder in
      let mark = folder + "/executed"
      let stacked = Pickle.text(module) + Pickle.text(name) + [0x93]
      for callee in [Pickle.global(module, name), stacked] {
        let text = try refusal(Pickle.file(Pickle.call(callee, [Pickle.text("touch \(mark)")])))
        #expect(text.contains("data.pkl, byte") && text.contains("nothing of it was executed"), "\(text)")
        let shown = "\(module).\(name)".replacing("\u{1B}", with: "\\u{1B}").replacing("\0", with: "\\0")
        #expect(text.contains("`\(shown)`"))
      }
      #expect(!FileManager.default.fileExists(atPath: mark))
    }
  }

  static let instructions: [(pickle: [UInt8], complaint: String)] = [
    (Array("(S'touch x'\nios\nsystem\n.".utf8), "byte 1, STRING"),
    (Array("(ios\nsystem\n.".utf8), "byte 1, INST"),
    ([0x28, 0x6F, 0x2E], "byte 1, OBJ"),
    ([0x82, 1, 0x2E], "byte 0, EXT1"), ([0x83, 1, 0, 0x2E], "EXT2"), ([0x84, 1, 0, 0, 0, 0x2E], "EXT4"),
    (Array("I01\n.".utf8), "INT"), (Array("L1L\n.".utf8), "LONG"), (Array("F1\n.".utf8), "FLOAT"),
    (Array("Vx\n.".utf8), "UNICODE"), (Array("}p0\n.".utf8), "PUT"), (Array("g0\n.".utf8), "GET"),
    (Array("P0\n.".utf8), "PERSID"), ([0x97, 0x2E], "NEXT_BUFFER"), ([0x98, 0x2E], "READONLY_BUFFER"),
    ([0xFF], "byte 0: 0xFF"), ([0x80, 6, 0x2E], "protocol 6"), ([], "without STOP"), ([0x80], "PROTO"),
    ([0x2E], "byte 0, STOP"), ([0x28, 0x2E], "byte 1, STOP"), ([0x7D, 0x28, 0x30, 0x2E], "POP"),
    ([0x31, 0x2E], "POP_MARK"), ([0x74, 0x2E], "TUPLE"), ([0x4E, 0x86, 0x2E], "TUPLE2: takes 2 values"),
    ([0x4E, 0x28, 0x4E, 0x86, 0x2E], "TUPLE2"), ([0x71, 0, 0x2E], "BINPUT"), ([0x94], "MEMOIZE"),
    ([0x68, 7, 0x2E], "BINGET: the memo has no 7"), ([0x6A, 255, 255, 255, 255, 0x2E], "LONG_BINGET"),
    ([0x7D, 0x28, 0x4E, 0x75, 0x2E], "SETITEMS: a key"), ([0x5D, 0x4E, 0x4E, 0x73, 0x2E], "SETITEM: sets"),
    ([0x7D, 0x4E, 0x61, 0x2E], "APPEND: adds"), ([0x28, 0x4E, 0x64, 0x2E], "DICT: a key"),
    ([0x4E, 0x4E, 0x52, 0x2E], "REDUCE: the arguments"), ([0x4E, 0x29, 0x52, 0x2E], "REDUCE: calls"),
    ([0x4E, 0x4E, 0x62, 0x2E], "BUILD"), ([0x4E, 0x51, 0x2E], "BINPERSID"),
    ([0x29, 0x51, 0x2E], "BINPERSID"),
    ([0x4E, 0x29, 0x7D, 0x92, 0x2E], "NEWOBJ_EX"), ([0x4E, 0x4E, 0x93, 0x2E], "STACK_GLOBAL"),
    (Array("cos".utf8), "GLOBAL"), (Array("cos\nsystem".utf8), "GLOBAL"),
    // Lengths beyond the pickle.
    ([0x58] + little(-1, 4), "byte 0, BINUNICODE: 4294967295 bytes announced, and 0 are left"),
    ([0x8D] + little(-1, 8), "BINUNICODE8"), ([0x8D] + little(.max, 8), "BINUNICODE8"),
    ([0x8E] + little(1 << 40, 8), "BINBYTES8"), ([0x96] + little(1 << 40, 8), "BYTEARRAY8"),
    ([0x42] + little(-1, 4), "BINBYTES"), ([0x54] + little(-1, 4), "BINSTRING"),
    ([0x55, 9], "SHORT_BINSTRING"),
    ([0x8B] + little(-1, 4), "LONG4"), ([0x8B] + little(1 << 30, 4) + [1, 0x2E], "LONG4"),
    ([0x8A, 8, 0], "LONG1"),
    ([0x95] + little(1 << 40, 8), "FRAME"), ([0x47, 0, 0], "BINFLOAT"), ([0x4A, 0], "BININT"),
    // Values that are no state dict.
    ([0x4E, 0x2E], "holds no dictionary of tensors"), ([0x7D, 0x2E], "holds no dictionary of tensors"),
    (Pickle.call(Pickle.global("torch", "FloatStorage"), [Pickle.integer(9)]), "makes a storage"),
    (Pickle.call(Pickle.global("collections", "OrderedDict"), [[0x5D]]), "Python 2"),
    (Pickle.storage("0", -4) + [0x2E], "a storage of -4 numbers"),
  ]

  @Test("Other and broken instructions are refused by name and place", arguments: instructions.indices)
  func refusesInstruction(index: Int) throws {
    let (pickle, complaint) = Self.instructions[index]
    let text = try refusal(pickle)
    #expect(text.contains(complaint), "\(text)")
  }

  enum Bomb: CaseIterable { case nestedLists, nestedTuples, marks, memo, doublings, copies, listInItself }

  private func pickle(_ bomb: Bomb, _ size: Int) -> [UInt8] {
    func many(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }
    var bytes: [UInt8] = []
    switch bomb {
    case .nestedLists: bytes = many(0x5D, size) + many(0x61, size - 1)
    case .nestedTuples: bytes = [0x29] + many(0x85, size)
    case .marks: bytes = many(0x28, size)
    case .memo: bytes = [0x7D] + many(0x94, size)
    case .doublings:
      bytes = [0x29]
      for key in 0..<size / 3 { bytes += [0x72] + little(key, 4) + [0x6A] + little(key, 4) + [0x86] }
    case .copies: bytes = [0x28, 0x4E] + many(0x32, size) + [0x74]
    case .listInItself:
      bytes = [0x5D]
      for _ in 0..<size / 2 { bytes += [0x32, 0x61] }
    }
    return bytes + [0x2E]
  }

  @Test("Deep nesting and bombs end in an error, however long", arguments: Bomb.allCases)
  func bombs(bomb: Bomb) throws {
    #expect(try !refusal(pickle(bomb, 1000)).isEmpty)
    #expect(try !refusal(pickle(bomb, 100_000)).isEmpty)
    let text = try refusal(pickle(bomb, 1_000_000))
    #expect(text.contains("more instructions than a file of this size needs"), "\(text)")
  }

  static let tensors: [(tensor: [UInt8], complaint: String)] = [
    (Pickle.tensor(Pickle.storage("1", 4), [4], [1]), "no storage of its key"),
    (Pickle.tensor(Pickle.storage("0", 5), [4], [1]), "has only 16 bytes"),
    (Pickle.tensor(Pickle.storage("0", 4, "DoubleStorage"), [2], [1]), "has only 16 bytes"),
    (Pickle.tensor(Pickle.storage("0", 1 << 62), [4], [1]), "has only 16 bytes"),
    (Pickle.tensor(Pickle.storage("0", 4), [5], [1]), "the 4th of a storage of 4"),
    (Pickle.tensor(Pickle.storage("0", 4), offset: 1, [4], [1]), "the 4th of a storage of 4"),
    (Pickle.tensor(Pickle.storage("0", 4), offset: -1, [4], [1]), "negative"),
    (Pickle.tensor(Pickle.storage("0", 4), offset: 3, [4], [-1]), "negative"),
    (Pickle.tensor(Pickle.storage("0", 4), offset: .max, [2], [1]), "too large"),
    (Pickle.tensor(Pickle.storage("0", 4), [-1], [1]), "integers"),
    (Pickle.tensor(Pickle.storage("0", 4), [2, 2], [2]), "integers"),
    (Pickle.tensor(Pickle.storage("0", 4), [2, 2], [3, 1]), "the 4th"),
    (Pickle.tensor(Pickle.storage("0", 4), [1 << 40, 1 << 40], [0, 0]), "too large"),
    (Pickle.tensor(Pickle.storage("0", 4), [2, 1 << 40], [0, 1 << 40]), "too large"),
    (Pickle.tensor(Pickle.storage("0", 4), [1 << 40], [0]), "more than the whole file"),
    (
      Pickle.tensor(Pickle.storage("0", 4), [1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1]),
      "9 axes"
    ),
  ]

  @Test("Tensors that do not lie within their storage are refused by name", arguments: tensors.indices)
  func refusesTensor(index: Int) throws {
    let (tensor, complaint) = Self.tensors[index]
    let text = try refusal(Pickle.file(Pickle.dictionary([("norm.weight", tensor)])), storages: Self.four)
    #expect(text.contains("tensor `norm.weight`: ") && text.contains(complaint), "\(text)")
  }

  @Test("Two names that are one without prefixes, and names that are no text, are refused")
  func names() throws {
    let tensor = Pickle.tensor(Pickle.storage("0", 4), [4], [1])
    let twice = Pickle.dictionary([("module.a", tensor), ("a", tensor)])
    #expect(try refusal(Pickle.file(twice), storages: Self.four).contains("tensor `a`: two tensors"))
    let number = [0x7D] + Pickle.integer(1) + tensor + [0x73]
    #expect(try refusal(Pickle.file(number), storages: Self.four).contains("is no text"))
    let damaged: [UInt8] = [0x7D, 0x58, 2, 0, 0, 0, 0xC3, 0x28] + tensor + [0x73]
    #expect(try refusal(Pickle.file(damaged), storages: Self.four).contains("is no text"))
  }
}
