import EmanateTraining
import Foundation
import Testing

/// What a run logs of its layers and of its time.
@Suite(.serialized) struct LayerMeasuresTests {
  let scratch = Scratch()

  private func lines(_ file: String) throws -> [[String: Any]] {
    try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test(arguments: ["dino", "byol", "simsiam"])
  func `the layers' norms make up the norm of all gradients, where they are due`(method: String) throws {
    let run = scratch.path + "/run"
    try pretrain(
      try tinyConfiguration(
        steps: 5, "method=\(method)", "logging.layersEverySteps=2", "projector.hidden=32",
        "projector.output=16",
        "projector.predictorHidden=16", "dino.freezeLastLayerEpochs=0"), data: try scratch.images(8), run: run
    )
    for (step, line) in try lines(run + "/metrics.jsonl").enumerated() {
      let norms = line["layerGradientNorms"] as? [String: Double]
      #expect((norms != nil) == (step % 2 == 0))
      #expect(line.keys.contains("teacherDistance") == (method != "simsiam"))
      guard let norms else { continue }
      #expect(
        norms.keys.contains("stem") && norms.keys.contains("blocks.0") && norms.keys.contains("blocks.1"))
      let all = norms.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(all / (try #require(line["gradientNorm"] as? Double)) - 1) < 1e-4)
      if method == "dino" {
        // The teacher begins as a copy and is moved a 250th of the way.
        let distance = try #require(line["teacherDistance"] as? Double)
        #expect(distance >= 0 && distance < 0.1 && (step == 0 || distance > 0))
      }
    }
  }

  @Test func `off leaves no keys and no file of times`() throws {
    let run = scratch.path + "/run"
    try pretrain(
      try tinyConfiguration(steps: 2, "logging.layersEverySteps=off", "logging.timesEverySteps=off"),
      data: try scratch.images(8), run: run)
    let keys = try #require(try lines(run + "/metrics.jsonl").first?.keys)
    #expect(!keys.contains("layerGradientNorms") && !keys.contains("teacherDistance"))
    #expect(!FileManager.default.fileExists(atPath: run + "/times.jsonl"))
  }

  @Test func `times tell of every step once, also after a pause, and where the images lie is written down`()
    throws
  {
    let (data, run) = (try scratch.images(8), scratch.path + "/run")
    let settings = try tinyConfiguration(
      steps: 7, "logging.timesEverySteps=3", "training.checkpointEverySteps=100")
    try pretrain(settings, data: data, run: run, stopAfter: 4)
    try pretrain(settings, data: data, run: run) { $0.resumes = true }
    let lines = try lines(run + "/times.jsonl")
    #expect(lines.map { $0["step"] as? Int } == [2, 3, 5, 6])
    #expect(lines.map { $0["steps"] as? Int } == [3, 1, 2, 1])
    for line in lines {
      let (seconds, waiting) = (line["seconds"] as? Double ?? -1, line["waitingSeconds"] as? Double ?? -1)
      #expect(seconds > 0 && waiting >= 0 && waiting <= seconds)
      let rate = try #require(line["imagesPerSecond"] as? Double)
      #expect(abs(rate * seconds / (4 * Double(line["steps"] as? Int ?? 0)) - 1) < 1e-3)
    }
    #expect(DataPlace(RunFolder(run))?.folders == [URL(fileURLWithPath: data).standardizedFileURL.path])
    #expect(DataPlace(RunFolder(scratch.path)) == nil)
  }
}
