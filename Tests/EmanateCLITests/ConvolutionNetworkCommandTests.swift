import Emanate
import Foundation
import TestSupport
import Testing

/// Networks of convolutions from the outside: torchvision's files, and a run without a teacher.
@Suite struct ConvolutionNetworkCommandTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func run(_ arguments: [String], in folder: String) throws -> Program.Outcome {
    let outcome = try Program.run(arguments, in: folder)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// `images/dark` and `images/bright`, four small pictures each.
  private func makeClasses(_ folder: String) throws {
    for number in 0..<8 {
      let name = "\(folder)/images/\(number % 2 == 0 ? "dark" : "bright")"
      try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
      let pixels = (0..<16 * 16 * 3).map { UInt8(($0 * 37 + number * 11) % 90 + number % 2 * 120) }
      try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(name)/\(number).png")
    }
  }

  @Test("A residual network that torchvision saved gives PyTorch's features of pictures, from either format")
  func torchvision() throws {
    let checkpoint = goldenPath("interchange/pytorch/torchvision.pth")
    let golden = try Safetensors.read(goldenPath("interchange/pytorch/torchvision.safetensors"))
    let expected = try golden.tensor("features")
    try withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/pictures", withIntermediateDirectories: true)
      let pictures = try #require(golden.metadata["pictures"]).split(separator: " ")
      for picture in pictures {
        try FileManager.default.copyItem(
          atPath: goldenPath("augmentations/\(picture)"), toPath: "\(folder)/pictures/\(picture)")
      }
      _ = try run(["convert", "--weights", checkpoint, "--out", "twin.safetensors"], in: folder)
      for weights in [checkpoint, "twin.safetensors"] {
        let arguments = ["--weights", weights, "--data", "pictures", "--out", "features.safetensors"]
        let outcome = try run(["features"] + arguments, in: folder)
        // The classifier is left out, with a note; nothing else is.
        #expect(outcome.errors.contains("fc."), "\(outcome.errors)")
        let features = try Safetensors.read(folder + "/features.safetensors").tensor("features")
        #expect(features.shape == [pictures.count, 16] && features.shape == expected.shape)
        for row in 0..<pictures.count {
          let range = row..<row + 1
          let error = relativeError(features[rows: range], expected[rows: range])
          #expect(error < 1e-5, "\(weights), \(pictures[row]): \(error)")
        }
      }
    }
  }

  @Test("A run of SimSiam, which has no teacher, is evaluated by its student, and a note says so")
  func simSiam() throws {
    try withFolder { folder in
      try makeClasses(folder)
      let settings = [
        "method=simsiam", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
        "network.side=16", "projector.hidden=16", "projector.output=8", "projector.predictorHidden=4",
        "data.views.globalSide=16", "data.views.localSide=8", "data.views.locals=0", "training.batchSize=4",
        "training.steps=2",
      ]
      let setting = settings.flatMap { ["--set", $0] }
      _ = try run(["pretrain", "--data", "images", "--out", "run"] + setting, in: folder)
      for arguments in [
        ["features", "--data", "images", "--out", "teacher.npy"], ["knn", "--data", "images", "--k", "2"],
        ["linear-probe", "--data", "images", "--epochs", "1"],
      ] {
        let outcome = try run(arguments + ["--weights", "run"], in: folder)
        #expect(
          outcome.errors.contains("emanate: note: run/checkpoints/step-2 has no teacher"), "\(arguments)")
      }
      let student = ["--weights", "run", "--network", "student", "--out", "student.npy"]
      let outcome = try run(["features", "--data", "images"] + student, in: folder)
      #expect(!outcome.errors.contains("no teacher"))
      let files = try ["teacher", "student"].map {
        try Data(contentsOf: URL(filePath: "\(folder)/\($0).npy"))
      }
      #expect(files[0] == files[1])
    }
  }

  @Test("A run begins with a file's backbone, watched by nearest neighbours where there are labels")
  func initialWeights() throws {
    try withFolder { folder in
      try makeClasses(folder)
      let settings = [
        "method=byol", "network.architecture=resnet18", "network.channels=2", "network.side=16",
        "projector.hidden=16", "projector.output=8", "projector.predictorHidden=4", "knn.k=2",
        "data.views.globalSide=16", "data.views.locals=0", "training.batchSize=4", "training.steps=2",
      ]
      let setting = settings.flatMap { ["--set", $0] }
      _ = try run(["pretrain", "--data", "images", "--out", "first"] + setting, in: folder)
      _ = try run(["convert", "--weights", "first", "--out", "first.safetensors"], in: folder)
      let start = ["pretrain", "--data", "images", "--init", "first.safetensors"]
      let outcome = try run(start + ["--out", "run"] + setting, in: folder)
      #expect(outcome.output.contains("after 0 steps: nearest neighbours"), "\(outcome.output)")
      #expect(
        try String(contentsOfFile: folder + "/run/config.yaml", encoding: .utf8).contains("everySteps: 100"))
      // What the user says of the votes stands.
      let silent = try run(start + ["--out", "silent", "--set", "knn.everySteps=off"] + setting, in: folder)
      #expect(!silent.output.contains("nearest neighbours"))
      let flat = try run(
        ["pretrain", "--data", "images/dark", "--init", "first", "--out", "flat"] + setting, in: folder)
      #expect(flat.errors.contains("nothing watches whether features get worse"))
      let missing = try Program.run(
        ["pretrain", "--data", "images", "--init", "nowhere", "--out", "none"] + setting, in: folder)
      #expect(missing.status == 74 && missing.errors.contains("nowhere"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/none"))
    }
  }
}
