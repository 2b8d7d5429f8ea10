import EmanateConfiguration
import EmanateInterchange
import EmanateTraining
import Foundation
import Testing

/// Whole runs with every optimizer.
@Suite(.serialized) struct OptimizerRunTests {
  let scratch = Scratch()

  private func configuration(_ name: String) throws -> ExperimentConfiguration {
    let settings =
      switch name {
      case "sgd": ["optimizer.nesterov=true", "optimizer.clipping=global"]
      case "lars": ["optimizer.larsRatio=sum", "optimizer.larsClip=true", "optimizer.trustCoefficient=0.02"]
      default:
        ["optimizer.layerDecay=0.9", "optimizer.patchEmbedRate=0.2", "optimizer.constantRate=[last_layer]"]
      }
    var configuration = try tinyConfiguration(
      steps: 8, "optimizer.name=\(name)", "optimizer.weightDecay=0.001", "optimizer.finalWeightDecay=0.001",
      "network.dropPath=0.3")
    for setting in settings { try configuration.set(setting) }
    return configuration
  }

  @Test(arguments: ["adamw", "sgd", "lars"])
  func `a run that stops and resumes equals one that does not, byte for byte`(name: String) throws {
    let data = try scratch.images(14)
    let configuration = try configuration(name)
    try expectResumedEqualsWhole(configuration, data: data, in: scratch.path)
    let checkpoint = try #require(RunFolder(scratch.path + "/whole").newestCheckpoint)
    let saved = try Safetensors.read(checkpoint + "/optimizer.safetensors").names
    let buffers = Set(saved.compactMap { $0.split(separator: ".").first.map(String.init) })
    #expect(buffers == (name == "adamw" ? ["first", "second"] : ["momentum"]))
  }

  @Test func `a run with another optimizer than it began with is refused by name`() throws {
    let data = try scratch.images(14)
    try pretrain(try configuration("sgd"), data: data, run: scratch.path + "/run", stopAfter: 2)
    let error = #expect(throws: TrainingError.self) {
      try pretrain(try configuration("lars"), data: data, run: scratch.path + "/run") { $0.resumes = true }
    }
    #expect(try #require(error).description.contains("optimizer.name was sgd, not lars"))
  }

  @Test func `a rule for a parameter that is not there is refused before anything is written`() throws {
    let data = try scratch.images(14)
    for key in ["undecayed", "constantRate"] {
      let configuration = try tinyConfiguration(steps: 2, "optimizer.\(key)=[cls_token, predictr]")
      let error = #expect(throws: TrainingError.self) {
        try pretrain(configuration, data: data, run: scratch.path + "/run")
      }
      #expect(try #require(error).description.contains("`optimizer.\(key)` has predictr"))
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/run"))
  }
}
