import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
  private let ramp = Tensor((0..<12).map { (Float($0) - 5) / 3 }, [3, 4])

  @Test("Written bytes are those of the authors' library")
  func sameBytes() throws {
    try withFolder { folder in
      let path = folder + "/mine.safetensors"
      let tensors = [
        (name: "scalar", tensor: Tensor([0.1], [])), (name: "empty", tensor: Tensor([], [0, 7])),
        (name: "blocks.0.attn.qkv.weight", tensor: ramp), (name: "b", tensor: Tensor([1.5, -2], [2])),
      ]
      try Safetensors.write(tensors, metadata: ["made \"by\"": "a\nscript é"], to: path, synchronized: true)
      #expect(try bytes(path) == bytes(golden("float32.safetensors")))
    }
  }

  @Test("A file of the authors' library is read: names, shapes, metadata, numbers")
  func read() throws {
    let file = try Safetensors.read(golden("float32.safetensors"))
    #expect(file.names == ["b", "blocks.0.attn.qkv.weight", "empty", "scalar"])
    #expect(file.metadata == ["made \"by\"": "a\nscript é"])
    #expect(file.shape(of: "empty") == [0, 7])
    #expect(file.shape(of: "scalar") == [])
    #expect(file.type(of: "b") == "F32")
    #expect(try file.tensor("blocks.0.attn.qkv.weight").array == ramp.array)
    #expect(try file.tensor("blocks.0.attn.qkv.weight", shape: [3, 4]).shape == [3, 4])
  }

  @Test(
    "Half, bfloat16 and double numbers become the float32 that PyTorch makes of them",
    arguments: ["f16", "bf16", "f64"])
  func conversion(name: String) throws {
    let bits = try JSONDecoder().decode(
      [String: [UInt32]].self, from: Data(contentsOf: URL(filePath: golden("types.json"))))
    let file = try Safetensors.read(golden("types.safetensors"))
    #expect(try file.tensor(name).array.map(\.bitPattern) == bits[name])
  }

  @Test("Integers become float32 too, except where they have no sign and more than eight bits")
  func integers() throws {
    #expect(try Safetensors.read(golden("types.safetensors")).tensor("count").array == [7])
    let header =
      #"{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"U16","shape":[1],"data_offsets":[2,4]}}"#
    try withFolder { folder in
      let path = folder + "/a.safetensors"
      try Data(length(UInt64(header.utf8.count)) + header.utf8 + [0xFE, 0xFF, 0, 0]).write(
        to: URL(filePath: path))
      let file = try Safetensors.read(path)
      #expect(try file.tensor("a").array == [-2])
      #expect(throws: SafetensorsError.self) { try file.tensor("b") }
    }
  }

  @Test("What cannot be had is refused by name, with both shapes")
  func refusals() throws {
    let file = try Safetensors.read(golden("types.safetensors"))
    for (name, wanted) in [("f16", Shape([2, 5])), ("missing", Shape([3]))] {
      do {
        _ = try file.tensor(name, shape: wanted)
        Issue.record("\(name) was read")
      } catch {
        #expect("\(error)".contains("types.safetensors") && "\(error)".contains("`\(name)`"))
        #expect("\(error)".contains("\(wanted)"))
        if name == "f16" { #expect("\(error)".contains("[10]")) }
      }
    }
  }

  @Test("Two tensors of one name are refused")
  func duplicates() throws {
    try withFolder { folder in
      #expect(throws: SafetensorsError.self) {
        try Safetensors.write([("a", ramp), ("a", ramp)], to: folder + "/a.safetensors")
      }
    }
  }

  @Test("A missing file and an unwritable one are the system's errors")
  func system() throws {
    #expect(throws: SafetensorsError.self) { try Safetensors.read("/nowhere/a.safetensors") }
    #expect(throws: SafetensorsError.self) {
      try Safetensors.write([("a", ramp)], to: "/nowhere/a.safetensors")
    }
  }

  static let malformed: [(header: String, numbers: Int, complaint: String)] = [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "do not lie within"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "belong to no tensor"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "belong to no tensor"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "do not lie within"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8, "do not lie within"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "needs 12 bytes"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "negative"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#, 8, "too large"),
    (#"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, 8, "F31"),
    (#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}"#, 8, "axes"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8, "offsets"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#, 8, "header"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, 8, "entry a"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      8, "inside the tensor before it"
    ),
    (#"{"__metadata__":{"a":1}}"#, 0, "__metadata__"),
    (#"["a"]"#, 0, "not a JSON object"),
    (#"{"a":"#, 0, "header"),
  ]

  @Test("Malformed headers are refused with the reason", arguments: malformed.indices)
  func refusesMalformed(index: Int) throws {
    let (header, numbers, complaint) = Self.malformed[index]
    try expectRefusal(
      length(UInt64(header.utf8.count)) + Array(header.utf8) + Array(repeating: 0, count: numbers), complaint)
  }

  @Test("Every cut of a good file is refused")
  func truncated() throws {
    let whole = try bytes(golden("float32.safetensors"))
    for count in whole.indices { try expectRefusal(Array(whole[..<count]), "") }
  }

  @Test("A huge header length is refused before anything is allocated", arguments: [100_000_001, UInt64.max])
  func huge(count: UInt64) throws {
    try expectRefusal(length(count) + [0x7B, 0x7D], "header")
  }

  private func length(_ count: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) }
  }

  private func expectRefusal(_ bytes: [UInt8], _ complaint: String) throws {
    try withFolder { folder in
      let path = folder + "/bad.safetensors"
      try Data(bytes).write(to: URL(filePath: path))
      do {
        _ = try Safetensors.read(path)
        Issue.record("\(bytes.count) bytes were accepted")
      } catch {
        #expect("\(error)".contains("bad.safetensors"))
        if !complaint.isEmpty { #expect("\(error)".contains(complaint)) }
      }
    }
  }
}
