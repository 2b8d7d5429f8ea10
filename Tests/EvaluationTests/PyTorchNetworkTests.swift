import EmanateEvaluation
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite("Networks in PyTorch checkpoints")
struct PyTorchNetworkTests {
  private let path = goldenPath("interchange/pytorch/dino.pth")
  private let patches = patchRows(of: hashFilled("input", [3, 3, 8, 8]), patch: 4)

  private func reading(_ path: String, _ role: NetworkHints.Role = .teacher) throws -> FrozenNetwork {
    var hints = NetworkHints()
    hints.role = role
    return try NetworkReader(hints).read(path)
  }

  @Test("A DINO run's teacher gives timm's features, and those of its safetensors twin bit for bit")
  func teacher() throws {
    let network = try reading(path)
    let features = network.features(patches)
    let expected = try Safetensors.read(goldenPath("interchange/pytorch/expected.safetensors"))
    #expect(relativeError(features, try expected.tensor("dino/features")) < 1e-6)
    #expect(network.notes.count == 1 && network.notes[0].contains("head.mlp.0.weight"))

    let folder = try TemporaryFolder()
    let contents = try PyTorchCheckpoint.read(path, part: "teacher")
    let twin = try folder.place("twin.safetensors")
    try Safetensors.write(contents.names.map { ($0, try contents.tensor($0)) }, to: twin)
    #expect(try reading(twin).features(patches).array == features.array)
  }

  @Test("The student is read where it is asked for; what a file is called does not matter")
  func student() throws {
    let folder = try TemporaryFolder()
    let copy = try folder.place("checkpoint.safetensors")
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    #expect(try reading(copy, .student).features(patches).array.allSatisfy { $0 == 0 })
    #expect(try reading(copy).features(patches).array.contains { $0 != 0 })
  }

  @Test("A checkpoint of another network is refused by the tensor that it lacks")
  func refused() throws {
    do {
      _ = try reading(goldenPath("interchange/pytorch/nested.pth"))
      Issue.record("a file without a transformer was read")
    } catch { #expect("\(error)".contains("nested.pth: no tensor `cls_token`")) }
  }
}
