import EmanateConfiguration
import EmanateImages
import EmanateTraining
import Foundation
import Testing

/// What is found out before a run begins.
@Suite struct RunCheckTests {
  let scratch = Scratch()

  @Test func `a check refuses what the run would, and writes nothing`() throws {
    let data = try scratch.images(8)
    let path = scratch.path + "/run"
    var run = TrainingRun(try tinyConfiguration(steps: 2), data: [data], run: path)
    try run.check()
    #expect(!FileManager.default.fileExists(atPath: path))
    try run.checkFolder()

    var coupled = run
    coupled.configuration.method = "byol"
    coupled.configuration.training.batchParts = 2
    let error = #expect(throws: TrainingError.self) { try coupled.check() }
    #expect(error?.description.contains("training.batchParts") == true)
    run.data = [scratch.path + "/nowhere"]
    #expect(throws: (any Error).self) { try run.check() }
  }

  @Test func `a folder that holds a run is accepted for going on with the same settings and images only`()
    throws
  {
    let data = try scratch.images(8)
    let path = scratch.path + "/run"
    let configuration = try tinyConfiguration(steps: 2)
    try pretrain(configuration, data: data, run: path)
    var run = TrainingRun(configuration, data: [data], run: path)
    func refusal() -> String {
      let error = #expect(throws: TrainingError.self) { try run.checkFolder() }
      return error?.description ?? ""
    }
    #expect(refusal().contains("holds a run already"))
    run.overwrites = true
    try run.check()
    (run.overwrites, run.resumes) = (false, true)
    try run.check()
    run.configuration.seed = 9
    #expect(refusal().contains("seed was 0, not 9"))
    run.configuration.seed = 0
    run.data = [try scratch.images(9, named: "others")]
    #expect(refusal().contains("was begun with 8 images, not 9"))
    run.allowsChangedData = true
    try run.checkFolder()
  }
}
