import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// Whole runs with a teacher.
@Suite(.serialized) struct DistillationRunTests {
  let scratch = Scratch()

  /// Pictures of two classes that differ in brightness; with `shuffled`, in folders drawn at random.
  private func classes(_ count: Int, named name: String, shuffled: Bool = false) throws -> String {
    var lots = KeyedGenerator(seed: 11, purpose: .labels, 0)
    for place in 0..<2 * count {
      let isBright = place % 2 == 0
      let label = (shuffled ? lots.uniform() < 0.5 : isBright) ? "bright" : "dark"
      let folder = "\(scratch.path)/\(name)/\(label)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      var generator = KeyedGenerator(seed: 5, purpose: .views, place)
      let pixels = (0..<16 * 16 * 3).map { _ in UInt8(generator.index(below: 100) + (isBright ? 150 : 0)) }
      try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(folder)/\(place).png")
    }
    return "\(scratch.path)/\(name)"
  }

  private func configuration(_ method: String, steps: Int, _ overrides: String...) throws
    -> ExperimentConfiguration
  {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=\(method)", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "data.recipe=supervised-plain", "data.views.globalSide=16", "training.batchSize=4",
      "training.steps=\(steps)", "training.checkpointEverySteps=2", "training.warmupEpochs=0",
      "training.learningRate=0.3", "optimizer.weightDecay=0.001", "optimizer.finalWeightDecay=0.001",
    ] + overrides { try configuration.set(setting) }
    try configuration.check()
    return configuration
  }

  private func top1(of run: String, on data: String) throws -> Double {
    let classifier = try NetworkReader().readClassifier(run)
    let logits = try Features(of: try ImageFolder(data), by: .classifier(classifier))
    return ClassificationReport(logits: logits.rows, labels: try classifier.labels(of: logits.folder))
      .accuracy.top1
  }

  @Test func `from soft targets alone a student learns the right classes in shuffled folders`() throws {
    let (right, shuffled) = (
      try classes(12, named: "right"), try classes(12, named: "shuffled", shuffled: true)
    )
    let teacher = scratch.path + "/teacher"
    try pretrain(try configuration("supervised", steps: 24), data: right, run: teacher)
    try #require(try top1(of: teacher, on: right) == 100)
    // The folders say little: what they tell and what is right agree by chance.
    let agreeing = try ImageFolder(shuffled).entries.count { entry in
      let number = Int(entry.relativePath.split(separator: "/").last!.dropLast(4))!
      return entry.relativePath.hasPrefix("bright") == (number % 2 == 0)
    }
    #expect((8...16).contains(agreeing))
    let student = scratch.path + "/student"
    try pretrain(
      try configuration(
        "distillation", steps: 40, "distill.teachers=[\"\(teacher)\"]", "distill.alpha=0",
        "data.preparation=teacher"), data: shuffled, run: student)
    #expect(try top1(of: student, on: right) >= 95)
  }

  @Test(arguments: ["[]", "[contrastive=0.8, hint=1, variational=1]"])
  func `a run that stops and resumes equals one that does not, byte for byte`(terms: String) throws {
    let data = try classes(8, named: "right")
    let teacher = scratch.path + "/teacher"
    try pretrain(try configuration("supervised", steps: 2), data: data, run: teacher)
    let configuration = try configuration(
      "distillation", steps: 8, "distill.teachers=[\"\(teacher)\"]", "distill.terms=\(terms)",
      "validation.share=0.25")
    try expectResumedEqualsWhole(configuration, data: data, in: scratch.path)
  }

  @Test(arguments: ["average", "peers", "stages"])
  func `a run of students without a teacher that stops and resumes equals one that does not, byte for byte`(
    term: String
  ) throws {
    let data = try classes(8, named: "right")
    let configuration = try configuration(
      "distillation", steps: 8, "distill.alpha=1", "distill.terms=[\(term)=1]", "validation.share=0.25",
      "distill.peers.networks=[same, mobilenet_v2]")
    try expectResumedEqualsWhole(configuration, data: data, in: scratch.path)
  }

  @Test func `a checkpoint has each peer as weights of its own, and the moving average is what a run gives`()
    throws
  {
    let data = try classes(12, named: "right")
    let mutual = scratch.path + "/mutual"
    try pretrain(
      try configuration(
        "distillation", steps: 24, "distill.alpha=1", "distill.terms=[peers=1]",
        "distill.peers.networks=[same, resnet34]"), data: data, run: mutual)
    let files = RunFolder(mutual).companions
    try #require(files.map { $0.split(separator: "/").last } == ["peer-1.safetensors", "peer-2.safetensors"])
    let peers = try files.map { try NetworkReader().readClassifier($0) }
    #expect(peers[0].classes == ["bright", "dark"] && peers[1].parameterCount > peers[0].parameterCount)
    // None of them knows of the others.
    #expect(try NetworkReader().readClassifier(mutual).parameterCount == peers[0].parameterCount)
    for path in [mutual] + files { #expect(try top1(of: path, on: data) >= 95) }

    let averaged = scratch.path + "/averaged"
    try pretrain(
      try configuration(
        "distillation", steps: 24, "distill.alpha=1", "distill.terms=[average=1]", "ema.schedule=meanTeacher",
        "ema.momentum=0.5"), data: data, run: averaged)
    #expect(try top1(of: averaged, on: data) >= 95)
    var hints = NetworkHints()
    hints.role = .student
    let (average, student) = (
      try NetworkReader().read(averaged).fingerprint, try NetworkReader(hints).read(averaged).fingerprint
    )
    #expect(average != student)
  }
}
