import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// Whole runs with the watch over collapse and with nearest neighbours.
@Suite(.serialized) struct WatchedRunTests {
  let scratch = Scratch()

  /// Two classes of plain colours with a little noise.
  private func classes(_ count: Int, named name: String = "classes") throws -> String {
    let folder = scratch.path + "/" + name
    for (number, colour) in [("blue", [40, 60, 200]), ("red", [210, 50, 40])].enumerated() {
      let path = "\(folder)/\(colour.0)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for image in 0..<count {
        var generator = KeyedGenerator(seed: 3, purpose: .views, number, image)
        let pixels = (0..<20 * 20 * 3).map { UInt8(colour.1[$0 % 3] + generator.index(below: 40) - 20) }
        try Data(PNGEncoder().encode(Image(width: 20, height: 20, pixels: pixels)))
          .write(to: URL(filePath: "\(path)/\(image).png"))
      }
    }
    return folder
  }

  private func lines(_ run: String) throws -> [[String: Any]] {
    try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test(arguments: ["dino", "byol", "simsiam", "dinov2", "mean-teacher"])
  func `every line has the same keys, and looks stand where they are due`(method: String) throws {
    let data = try classes(8)
    let run = scratch.path + "/run"
    let outcome = try pretrain(
      try tinyConfiguration(
        steps: 8, "method=\(method)", "collapse.everySteps=3", "knn.everySteps=4", "knn.k=3",
        "projector.hidden=32",
        "projector.output=16", "projector.predictorHidden=16"), data: data, run: run)
    let lines = try lines(run)
    #expect(lines.count == 8 && Set(lines.map { Set($0.keys) }).count == 1)
    let targets = ["teacherStudentKL", "meanTargetEntropy", "lossOverLogPrototypes", "prototypesUsed"]
    let looks = [
      "dino": ["studentRank", "teacherRank"], "byol": ["studentRank", "teacherRank", "projectionRank"],
      "simsiam": ["studentRank", "projectionRank"], "dinov2": ["studentRank", "teacherRank"],
      "mean-teacher": ["studentRank", "teacherRank"],
    ]
    for (step, line) in lines.enumerated() {
      for key in targets { #expect((line[key] as? Double != nil) == method.hasPrefix("dino"), "\(key)") }
      let looked = [0, 3, 6, 7].contains(step)
      for key in looks[method]! { #expect((line[key] as? Double != nil) == looked, "\(key) at \(step)") }
      #expect((line["collapse"] as? String) == (looked ? "notStarted" : nil))
      #expect((line["knnTop1"] as? Double != nil) == (step % 4 == 0))
    }
    #expect(outcome.looks == 4 && outcome.lookingSeconds > 0 && outcome.verdict == .notStarted)
  }

  @Test(arguments: [("dino", "vit_tiny"), ("byol", "vit_tiny"), ("byol", "resnet18")])
  func `a watched run that stops and resumes equals one that does not, byte for byte`(
    method: String, architecture: String
  ) throws {
    let data = try classes(8)
    let configuration = try tinyConfiguration(
      steps: 30, "method=\(method)", "collapse.everySteps=3", "knn.everySteps=7", "knn.k=3", "knn.images=12",
      "projector.hidden=32", "projector.output=16", "projector.predictorHidden=16",
      "training.learningRate=0.05", "training.checkpointEverySteps=100",
      "network.architecture=\(architecture)", "network.stem=cifar", "network.channels=8")
    try pretrain(configuration, data: data, run: scratch.path + "/whole")
    try pretrain(configuration, data: data, run: scratch.path + "/parts", stopAfter: 5)
    try pretrain(configuration, data: data, run: scratch.path + "/parts", stopAfter: 22) { $0.resumes = true }
    try pretrain(configuration, data: data, run: scratch.path + "/parts") { $0.resumes = true }
    let (whole, parts) = (
      try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: scratch.path + "/parts")
    )
    #expect(Set(whole.keys) == Set(parts.keys))
    for (file, contents) in whole { #expect(parts[file] == contents, "\(file)") }
    #expect(try lines(scratch.path + "/whole").contains { ($0["collapse"] as? String) != "notStarted" })
  }

  @Test func `a collapse is told once, with the setting behind it, and ends the run if it is to`() throws {
    let data = try scratch.images(16)
    let settings = [
      "dino.centering=off", "training.batchSize=8", "training.learningRate=0.1", "collapse.everySteps=5",
      "training.checkpointEverySteps=1000",
    ]
    var configuration = try tinyConfiguration(steps: 60)
    for setting in settings { try configuration.set(setting) }
    let notes = Notes()
    let outcome = try pretrain(configuration, data: data, run: scratch.path + "/told", observer: notes)
    #expect(outcome.verdict == .oneHot && outcome.done == 60)
    #expect(notes.changes.map(\.after) == [.oneHot])
    let change = try #require(notes.changes.first)
    #expect(change.before == .notStarted && change.description.contains("dino.centering is off"))
    let inspection = try RunInspection(RunFolder(scratch.path + "/told"))
    #expect(inspection.verdict == .oneHot && inspection.steps == 60)
    #expect(inspection.findings.contains { $0.contains("dino.centering is off") })

    try configuration.set("collapse.stop=true")
    let run = RunFolder(scratch.path + "/stopped")
    let error = #expect(throws: TrainingError.self) { try pretrain(configuration, data: data, run: run.path) }
    guard case .collapsed(let done, .oneHot, _) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(done == change.done && run.checkpointSteps == [done])
    #expect(try lines(run.path).count == done)
    // Nothing has changed, so going on ends at the next look.
    #expect(throws: TrainingError.self) {
      try pretrain(configuration, data: data, run: run.path) { $0.resumes = true }
    }
    #expect(run.checkpointSteps.last == done + 5)
  }

  @Test func `without the watch there are no keys of it`() throws {
    let data = try scratch.images(8)
    let outcome = try pretrain(
      try tinyConfiguration(steps: 2, "collapse.everySteps=off"), data: data, run: scratch.path + "/run")
    #expect(outcome.verdict == nil && outcome.looks == 0 && outcome.knn == nil)
    let keys = try #require(try lines(scratch.path + "/run").first?.keys)
    #expect(!keys.contains("collapse") && !keys.contains("studentRank") && !keys.contains("knnTop1"))
    #expect(keys.contains("meanTargetEntropy"))
    #expect(try RunInspection(RunFolder(scratch.path + "/run")).verdict == nil)
  }

  @Test(arguments: ["vit_tiny", "resnet18"])
  func `nearest neighbours vote at step 0, and at the end as on the checkpoint's weights`(
    architecture: String
  ) throws {
    let (train, test) = (try classes(6, named: "train"), try classes(4, named: "test"))
    let data = try scratch.images(12)
    let notes = Notes()
    let outcome = try pretrain(
      try tinyConfiguration(
        steps: 6, "knn.everySteps=3", "knn.train=\(train)", "knn.test=\(test)", "knn.k=3",
        "training.learningRate=0.01", "network.architecture=\(architecture)", "network.stem=cifar",
        "network.channels=8"), data: data, run: scratch.path + "/run", observer: notes)
    #expect(notes.votes.map(\.done) == [0, 3, 6] && notes.votes.allSatisfy { $0.seconds > 0 })
    let network = try NetworkReader().read(scratch.path + "/run")
    let (voting, tested) = try (
      Features(of: ImageFolder(train), by: .network(network)),
      Features(of: ImageFolder(test), by: .network(network))
    )
    let expected = KNearestNeighbors(
      features: voting.rows, labels: try voting.folder.labels(), classes: 2, k: 3
    ).accuracy(features: tested.rows, labels: try tested.folder.labels())
    #expect(outcome.knn == expected && expected.count == 8)
    #expect(try lines(scratch.path + "/run").first?["knnTop1"] as? Double == notes.votes.first?.accuracy.top1)
    #expect(try RunInspection(RunFolder(scratch.path + "/run")).findings.contains { $0.hasPrefix("nearest") })
  }

  @Test func `a fall of nearest neighbours is told with the settings behind it, after a pause too`() throws {
    let data = try classes(16)
    func settings(_ more: String...) throws -> ExperimentConfiguration {
      var configuration = try tinyConfiguration(
        steps: 12, "knn.everySteps=3", "knn.k=3", "training.learningRate=0.0001")
      for setting in more { try configuration.set(setting) }
      return configuration
    }
    let good = scratch.path + "/good"
    let calm = Notes()
    try pretrain(try settings(), data: data, run: good, observer: calm)
    #expect(calm.falls.isEmpty && calm.votes.last?.accuracy.top1 == 100)
    // A decay that leaves nothing of a weight at the first step.
    let wild = try settings(
      "start.weights=\(good)", "start.headEpochs=0", "start.rampEpochs=0", "optimizer.name=sgd",
      "optimizer.momentum=0", "optimizer.weightDecay=1", "training.learningRate=64", "ema.momentum=0.1",
      "collapse.everySteps=off")
    let notes = Notes()
    let run = scratch.path + "/wild"
    try pretrain(wild, data: data, run: run, stopAfter: 2, observer: notes)
    #expect(notes.falls.isEmpty && notes.votes.map(\.done) == [0])
    try pretrain(wild, data: data, run: run, observer: notes) { $0.resumes = true }
    let fall = try #require(notes.falls.first)
    #expect(fall.contains("from 100.00 % after 0 steps") && fall.contains("training.learningRate (64.0)"))
    #expect(fall.contains("start.headEpochs (0)"))
  }

  @Test func `labelled images that cannot serve are refused before anything is written`() throws {
    let flat = try scratch.images(12)
    let labelled = try classes(3)
    for (settings, part) in [
      (["knn.everySteps=2"], "class folders"),
      (["knn.everySteps=2", "knn.train=\(labelled)"], "`knn.test` is off"),
      (["knn.everySteps=2", "knn.train=\(labelled)", "knn.test=\(flat)"], "0000.png"),
      (["knn.everySteps=2", "knn.train=\(labelled)", "knn.test=\(labelled)"], "20 neighbours of 6"),
    ] {
      var configuration = try tinyConfiguration(steps: 2)
      for setting in settings { try configuration.set(setting) }
      let error = #expect(throws: (any Error).self) {
        try pretrain(configuration, data: flat, run: scratch.path + "/run")
      }
      #expect("\(try #require(error))".contains(part), "\(String(describing: error))")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/run"))
  }

  @Test func `a run without metrics is an error with the file, and a torn line is left out`() throws {
    #expect {
      _ = try RunInspection(RunFolder(scratch.path + "/nowhere"))
    } throws: {
      "\($0)".contains("nowhere/metrics.jsonl")
    }
    let run = scratch.path + "/torn"
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    let text = """
      {"step":0,"loss":2,"collapse":"notStarted"}
      {"step":1,"loss":1,"collapse":"healthy","studentDeviation":0.5,"studentRank":7}
      {"step":2,"lo
      """
    try text.write(toFile: run + "/metrics.jsonl", atomically: true, encoding: .utf8)
    let inspection = try RunInspection(RunFolder(run))
    #expect(inspection.steps == 2 && inspection.verdict == .healthy)
    #expect(inspection.findings[0] == "loss 2 at step 0, 1 at step 1, least 1 at step 1")
    #expect(inspection.findings.count == 3, "\(inspection.findings)")
  }
}
