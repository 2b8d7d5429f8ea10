import Emanate
import Foundation
import TestSupport
import Testing

@Suite("emanate convert")
struct ConvertCommandTests {
  private struct Summary: Decodable { let tensors, bytes: Int }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func checkpoint(_ name: String) -> String { goldenPath("interchange/pytorch/\(name).pth") }

  @Test("Every tensor of a checkpoint's part stands in the safetensors file, and again in a copy of that")
  func convert() throws {
    try withFolder { folder in
      let (out, again) = (folder + "/a.safetensors", folder + "/b.safetensors")
      for (weights, out) in [(checkpoint("nested"), out), (out, again)] {
        let outcome = try Program.run(["convert", "--weights", weights, "--out", out, "--json"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("`i64`") == (weights == checkpoint("nested")), "\(outcome.errors)")
        let summary = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
        let size = try FileManager.default.attributesOfItem(atPath: out)[.size] as? Int
        #expect(summary.tensors == 12 && summary.bytes == size)
      }
      let (found, wanted) = (try Safetensors.read(again), try PyTorchCheckpoint.read(checkpoint("nested")))
      #expect(Set(found.names) == Set(wanted.names))
      for name in wanted.names {
        let (one, other) = (try found.tensor(name), try wanted.tensor(name))
        #expect(
          one.shape == other.shape && one.array.map(\.bitPattern) == other.array.map(\.bitPattern), "\(name)")
      }
    }
  }

  @Test("The network that is asked for is the one written")
  func network() throws {
    try withFolder { folder in
      let out = folder + "/a.safetensors"
      for (network, first) in [("student", Float(-5) / 3), ("teacher", Float(-5) / 3 + 2)] {
        let arguments = ["convert", "--weights", checkpoint("training"), "--network", network, "--out", out]
        let outcome = try Program.run(arguments)
        #expect(outcome.output.hasPrefix("2 tensors, "))
        #expect(try Safetensors.read(out).tensor("cls_token").array[0] == first)
      }
    }
  }

  @Test(
    "Errors say what and why, and leave no file",
    arguments: [
      (["--weights", "nowhere", "--out", "a.safetensors"], 74, "nowhere: there is no such"),
      (["--weights", "text.pth", "--out", "a.safetensors"], 65, "text.pth: neither"),
      (["--weights", "text.pth", "--out", "a.onnx"], 64, "a.onnx"),
      (["--weights", "bad.pth", "--out", "a.safetensors"], 65, "bad.pth: not a PyTorch checkpoint"),
      (["--weights", "good.pth", "--out", "none/a.safetensors"], 74, "none/a.safetensors: cannot create"),
    ] as [([String], Int32, String)])
  func errors(arguments: [String], status: Int32, part: String) throws {
    try withFolder { folder in
      let good = try Data(contentsOf: URL(filePath: checkpoint("module")))
      try good.write(to: URL(filePath: folder + "/good.pth"))
      try good.dropLast(9).write(to: URL(filePath: folder + "/bad.pth"))
      try Data("no weights at all".utf8).write(to: URL(filePath: folder + "/text.pth"))
      let outcome = try Program.run(["convert"] + arguments, in: folder)
      #expect(outcome.status == status && outcome.output.isEmpty)
      #expect(outcome.errors.hasPrefix("emanate: ") && outcome.errors.contains(part), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
    }
  }
}
