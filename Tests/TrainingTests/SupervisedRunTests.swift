import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// Whole runs with labels: they learn, stop when nothing gets better, keep the best, and go on bit for bit.
@Suite(.serialized) struct SupervisedRunTests {
  let scratch = Scratch()

  /// Two classes that differ in brightness, `count` pictures each.
  private func classes(_ count: Int, named name: String = "classes") throws -> String {
    for (place, label) in ["bright", "dark"].enumerated() {
      let folder = "\(scratch.path)/\(name)/\(label)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for number in 0..<count {
        var generator = KeyedGenerator(seed: 5, purpose: .views, place, number)
        let pixels = (0..<16 * 16 * 3).map { _ in
          UInt8(generator.index(below: 100) + (place == 0 ? 150 : 0))
        }
        try PNGEncoder().write(
          Image(width: 16, height: 16, pixels: pixels), to: "\(folder)/\(number).png")
      }
    }
    return "\(scratch.path)/\(name)"
  }

  private func configuration(steps: Int, _ overrides: String...) throws -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=supervised", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "data.recipe=supervised-plain", "data.views.globalSide=16", "training.batchSize=4",
      "training.steps=\(steps)", "training.checkpointEverySteps=2", "training.warmupEpochs=0",
      "training.learningRate=0.3", "optimizer.weightDecay=0.001", "optimizer.finalWeightDecay=0.001",
      "training.checkpointsKept=1",
    ] + overrides {
      try configuration.set(setting)
    }
    try configuration.check()
    return configuration
  }

  @Test func `a run learns what labels say, and the best checkpoint is the one that is read`() throws {
    let data = try classes(10)
    let run = scratch.path + "/run"
    let outcome = try pretrain(
      try configuration(steps: 24, "validation.share=0.2", "supervised.labelSmoothing=0.1"), data: data,
      run: run)
    let best = try #require(outcome.validation?.best)
    #expect(best.top1 == 100 && outcome.done == 24)
    let classifier = try NetworkReader().readClassifier(run)
    #expect(classifier.classes == ["bright", "dark"])
    let folder = try ImageFolder(data)
    let logits = try Features(of: folder, by: .classifier(classifier))
    let report = ClassificationReport(logits: logits.rows, labels: try classifier.labels(of: logits.folder))
    #expect(report.accuracy.top1 >= 90)
    // With one checkpoint kept, the best stays beside the newest.
    let steps = RunFolder(run).checkpointSteps
    #expect(steps.contains(best.done) && steps.contains(24) && steps.count <= 2)
    // A name that a crash kept from being written is written by the next start.
    let name = run + "/checkpoints/best"
    let named = try String(contentsOfFile: name, encoding: .utf8)
    #expect(named == "step-\(best.done)\n")
    try FileManager.default.removeItem(atPath: name)
    try pretrain(
      try configuration(steps: 24, "validation.share=0.2", "supervised.labelSmoothing=0.1"), data: data,
      run: run
    ) { $0.resumes = true }
    #expect(try String(contentsOfFile: name, encoding: .utf8) == named)
  }

  @Test(arguments: [
    ["supervised.trains=head"], ["supervised.mixup=0.4", "supervised.cutmix=1", "validation.share=0.2"],
    ["supervised.labelSmoothing=0.2", "supervised.smoothing=all", "validation.share=0.25"],
  ])
  func `a run that stops and resumes equals one that does not, byte for byte`(settings: [String]) throws {
    let data = try classes(8)
    var configuration = try configuration(steps: 8)
    for setting in settings { try configuration.set(setting) }
    try expectResumedEqualsWhole(configuration, data: data, in: scratch.path)
  }

  @Test func `where only the head learns, the backbone keeps its bytes`() throws {
    let data = try classes(6)
    let whole = scratch.path + "/whole"
    try pretrain(try configuration(steps: 3), data: data, run: whole)
    let before = try Safetensors.read(
      try #require(RunFolder(whole).newestCheckpoint) + "/student.safetensors")
    let run = scratch.path + "/head"
    try pretrain(
      try configuration(
        steps: 6, "supervised.trains=head", "start.weights=\(whole)", "start.headEpochs=0",
        "start.rampEpochs=0", "data.preparation=weights"), data: data, run: run)
    let after = try Safetensors.read(try #require(RunFolder(run).newestCheckpoint) + "/student.safetensors")
    for name in before.names {
      let isSame = try before.tensor(name).array == after.tensor(name).array
      #expect(isSame == !name.hasPrefix("fc."), "\(name)")
    }
  }

  @Test func `a run that gets no better ends when its patience does, and stays ended`() throws {
    let data = try classes(10)
    let run = scratch.path + "/run"
    // A rate of 0 changes no weight: every look is as good as the first.
    let configuration = try configuration(
      steps: 400, "validation.share=0.2", "validation.patience=2", "training.learningRate=0",
      "training.finalLearningRate=0", "supervised.trains=head")
    let outcome = try pretrain(configuration, data: data, run: run)
    #expect(!outcome.isInterrupted && outcome.done == 12 && outcome.validation?.best.done == 4)
    let again = try pretrain(configuration, data: data, run: run) { $0.resumes = true }
    #expect(again.done == 12 && again.start == 12 && !again.isInterrupted)
  }

  @Test func `one class, a recipe of two sides, and patience with nothing held out are refused`() throws {
    let one = scratch.path + "/one"
    try FileManager.default.createDirectory(atPath: one + "/a", withIntermediateDirectories: true)
    for number in 0..<8 {
      try PNGEncoder().write(
        Image(width: 16, height: 16, pixels: [UInt8](repeating: UInt8(number), count: 768)),
        to: "\(one)/a/\(number).png")
    }
    func refusal(_ configuration: ExperimentConfiguration, _ data: String) -> String {
      let error = #expect(throws: (any Error).self) {
        try pretrain(configuration, data: data, run: scratch.path + "/never")
      }
      return error.map { "\($0)" } ?? ""
    }
    #expect(refusal(try configuration(steps: 2), one).contains("all images stand in one class folder"))
    let data = try classes(6)
    let sides = try configuration(
      steps: 2, "data.recipe=dino", "data.views.globalSide=16", "data.views.localSide=8")
    #expect(refusal(sides, data).contains("makes views of 2 sides; supervised reads views of one side"))
    #expect(throws: ConfigurationError.self) { try configuration(steps: 2, "validation.patience=2") }
    #expect(throws: ConfigurationError.self) { try configuration(steps: 2, "data.preparation=weights") }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/never"))
  }
}
