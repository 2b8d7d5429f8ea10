import EmanateConfiguration
import EmanateData
import EmanateInterchange
import EmanateMethods
import EmanateTraining
import Foundation
import Testing

/// Whole runs of every method that needs no labels, over a transformer and over a network of convolutions.
@Suite(.serialized) struct MethodRunTests {
  let scratch = Scratch()
  /// Every method over every backbone that it takes: patches are masked in transformers only.
  static let cases = MethodRegistry.all.filter { $0.kind == .unlabelled }.flatMap { entry in
    (entry.name == "dinov2" ? ["vit_tiny"] : ["vit_tiny", "resnet18"]).map { (entry.name, $0) }
  }

  /// So many images in each of two classes.
  private func labelledImages(_ count: Int) throws -> String {
    for name in ["a", "b"] { _ = try scratch.images(count, named: "images/\(name)") }
    return scratch.path + "/images"
  }

  private func configuration(_ method: String, _ backbone: String, _ overrides: String...) throws
    -> ExperimentConfiguration
  {
    var configuration = try tinyConfiguration(
      steps: 6, "method=\(method)", "projector.hidden=32", "projector.output=16",
      "projector.predictorHidden=8")
    let network =
      backbone == "resnet18"
      ? ["network.architecture=resnet18", "network.stem=cifar", "network.channels=8"]
      : ["network.dropPath=0.3"]
    for setting in network + overrides { try configuration.set(setting) }
    return configuration
  }

  @Test(arguments: cases)
  func `a run that stops and resumes equals one that does not, byte for byte, running statistics too`(
    method: String, backbone: String
  ) throws {
    let data = try labelledImages(7)
    let configuration = try configuration(method, backbone)
    try pretrain(configuration, data: data, run: scratch.path + "/whole")
    let outcome = try pretrain(configuration, data: data, run: scratch.path + "/parts", stopAfter: 3)
    #expect(outcome.isInterrupted && outcome.done == 3)
    let halfway = try bytes(ofRun: scratch.path + "/parts")
    try pretrain(configuration, data: data, run: scratch.path + "/parts") { $0.resumes = true }
    let (whole, parts) = (
      try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: scratch.path + "/parts")
    )
    #expect(Set(whole.keys) == Set(parts.keys))
    for (file, contents) in whole { #expect(parts[file] == contents, "\(file)") }

    // What would go unnoticed if nothing moved: running statistics are in the files, and the rest of the run moves them.
    let checkpoint = try #require(RunFolder(scratch.path + "/whole").newestCheckpoint)
    let made = try #require(MethodRegistry.entry(named: method)).make(
      MethodMaterial(configuration, ImageFolder(data)))
    for (name, store) in [("student", made.student)] + made.networks {
      let file = try Safetensors.read("\(checkpoint)/\(name).safetensors")
      #expect(Set(file.names) == Set(store.tensors.map { $0.name }))
      for buffer in store.buffers where name == "student" || !buffer.name.hasPrefix("predictor.") {
        #expect(
          try file.tensor(buffer.name).array.contains { $0 != buffer.initial }, "\(name), \(buffer.name)")
      }
      #expect(halfway["\(name).safetensors"] != whole["\(name).safetensors"])
    }
    #expect(backbone == "vit_tiny" || !made.student.buffers.isEmpty)
  }

  @Test(arguments: cases)
  func `a batch in parts is refused by name where the method couples images`(method: String, backbone: String)
    throws
  {
    let data = try labelledImages(6)
    let configuration = try configuration(method, backbone, "training.batchParts=2", "training.steps=2")
    let couples = try #require(MethodRegistry.entry(named: method)).make(
      MethodMaterial(configuration, ImageFolder(data))
    )
    .couplesImages
    #expect(couples == (!["dino", "mean-teacher"].contains(method) || backbone == "resnet18"))
    let run = scratch.path + "/run"
    guard couples else {
      try pretrain(configuration, data: data, run: run)
      return
    }
    #expect {
      try pretrain(configuration, data: data, run: run)
    } throws: {
      guard case TrainingError.unavailable(let setting, let reason) = $0 else { return false }
      return setting == "training.batchParts" && reason.hasPrefix("\(method)'s loss couples the images")
    }
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
