import EmanateConfiguration
import EmanateImages
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// Whole runs that are brought into each state by their settings alone, and what is said of them.
@Suite(.serialized) struct ProvokedRunTests {
  let scratch = Scratch()

  /// Images of coloured squares, another pattern in each: networks can tell them apart.
  private func patterns(_ count: Int) throws -> String {
    let folder = scratch.path + "/patterns"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for number in 0..<count {
      var generator = KeyedGenerator(seed: 5, purpose: .views, number)
      let squares = (0..<4 * 4 * 3).map { _ in UInt8(generator.index(below: 256)) }
      var pixels: [UInt8] = []
      for y in 0..<20 {
        for x in 0..<20 {
          let square = 3 * (y / 5 * 4 + x / 5)
          pixels += squares[square..<square + 3]
        }
      }
      try Data(PNGEncoder().encode(Image(width: 20, height: 20, pixels: pixels)))
        .write(to: URL(filePath: "\(folder)/\(number).png"))
    }
    return folder
  }

  static let states: [(verdict: CollapseWatch.Verdict, settings: [String], cure: String)] = [
    (.healthy, [], ""),
    (.oneHot, ["dino.centering=off", "training.learningRate=0.1", "ema.momentum=0.9"], "dino.centering"),
    (
      .uniform,
      [
        "dino.teacherTemperature=0.2", "dino.warmupTeacherTemperature=0.2", "training.learningRate=0.03",
        "ema.momentum=0.9",
      ], "dino.teacherTemperature"
    ),
    (
      .dimensional,
      [
        "method=byol", "projector.hidden=32", "projector.output=16", "projector.predictorHidden=16",
        "optimizer.weightDecay=10", "optimizer.finalWeightDecay=10", "training.learningRate=1",
      ], "training.learningRate"
    ),
    (
      .notStarted,
      [
        "dino.centering=sinkhorn", "training.learningRate=0.000000001", "training.finalLearningRate=0",
      ], "training.learningRate"
    ),
  ]

  @Test(arguments: states.indices)
  func `the verdict on a provoked state is right, and names the setting behind it`(index: Int) throws {
    let (verdict, settings, cure) = Self.states[index]
    var configuration = try tinyConfiguration(
      steps: 80, "training.batchSize=8", "training.learningRate=0.01", "collapse.everySteps=10",
      "training.checkpointEverySteps=1000", "data.recipe=pair-whole", "data.views.locals=recipe")
    for setting in settings { try configuration.set(setting) }
    let run = RunFolder(scratch.path + "/run")
    try pretrain(configuration, data: try patterns(32), run: run.path)
    let inspection = try RunInspection(run)
    #expect(inspection.verdict == verdict, "\(inspection.findings)")
    #expect(cure.isEmpty ? inspection.changes.isEmpty : inspection.changes.contains { $0.setting == cure })
  }
}
