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
    "A run with a classifier becomes an ONNX file with logits, a PyTorch file without one a file with features"
  )
  func graph() throws {
    try TwoClasses.inFolder(testing: 1) { folder in
      let tuned = try Program.run(
        [
          "finetune", "--arch", "resnet18", "--side", "16", "--train", "train", "--test", "test", "--out",
          "run",
        ] + TwoClasses.quick(channels: 2, steps: 1), in: folder)
      try #require(tuned.status == 0, "\(tuned.errors)")
      let made = try Program.object(
        ["convert", "--weights", "run", "--out", "run.onnx", "--side", "24", "--json"], in: folder)
      #expect(names(made["outputs"]) == ["logits", "features"] && made["images"] as? String == "levels")
      #expect((made["input"] as? [String: Any])?["sizes"] as? [Int] == [3, 24, 24])
      let bytes = try Data(contentsOf: URL(filePath: folder + "/run.onnx"))
      #expect(made["bytes"] as? Int == bytes.count)
      #expect(bytes.range(of: Data(#"["dark","light"]"#.utf8)) != nil)

      let text = try Program.run(
        [
          "convert", "--weights", checkpoint("dino"), "--out", "dino.onnx", "--images", "normalized",
        ], in: folder)
      #expect(text.output.contains("(normalized) -> features [batch, "), "\(text.output) \(text.errors)")
      #expect(text.output.hasSuffix("]\n") && text.status == 0)
    }
  }

  private func names(_ ports: Any?) -> [String]? {
    (ports as? [[String: Any]])?.compactMap { $0["name"] as? String }
  }

  @Test(
    "Errors say what and why, and leave no file",
    arguments: [
      (["--weights", "nowhere", "--out", "a.safetensors"], 74, "nowhere: there is no such"),
      (["--weights", "text.pth", "--out", "a.safetensors"], 65, "text.pth: neither"),
      (["--weights", "text.pth", "--out", "a.pt"], 64, "a.pt does not end in .safetensors or .onnx"),
      (["--weights", "text.pth", "--out", "a.onnx"], 65, "text.pth: neither"),
      (["--weights", "good.pth", "--out", "a.onnx"], 65, "good.pth: no tensor"),
      (
        ["--weights", "good.pth", "--out", "a.safetensors", "--side", "32"], 64, "--side: a safetensors file"
      ),
      (
        ["--weights", "good.pth", "--out", "a.safetensors", "--images", "levels"], 64,
        "--images: a safetensors file"
      ),
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
