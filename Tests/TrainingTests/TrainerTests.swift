import EmanateConfiguration
import EmanateData
import EmanateKernels
import EmanateTensors
import EmanateTraining
import Foundation
import Testing

/// Runs that change the number of threads of the one pool, so one after the other.
@Suite(.serialized) struct TrainerTests {
  let scratch = Scratch()

  @Test(arguments: Precision.allCases)
  func `ten steps with one, two and three threads write the same bytes`(precision: Precision) throws {
    let data = try scratch.images(39, broken: 1)
    // Enough rows that every layer of a block is cut by rows.
    let configuration = try tinyConfiguration(
      steps: 10, "data.skipLimit=0.1", "training.batchSize=16", "training.precision=\(precision)",
      "training.emulateBfloat16=true")
    let threads = ThreadPool.shared.threads
    defer { ThreadPool.shared.resize(to: threads) }
    var first: [String: Data]?
    for count in [1, 2, 3] {
      ThreadPool.shared.resize(to: count)
      let run = "\(scratch.path)/threads-\(count)"
      try pretrain(configuration, data: data, run: run)
      let written = try bytes(ofRun: run)
      #expect(written.keys.contains("teacher.safetensors"))
      guard let expected = first else {
        first = written
        continue
      }
      #expect(Set(written.keys) == Set(expected.keys))
      for (name, contents) in written { #expect(contents == expected[name], "\(name), \(count) threads") }
    }
  }

  @Test(arguments: [(1, "ema"), (3, "ema"), (5, "ema"), (3, "sinkhorn"), (3, "off")])
  func `a run that stops and resumes equals one that does not, byte for byte`(
    stop: Int, centering: String
  ) throws {
    let data = try scratch.images(14, broken: 2)
    let configuration = try tinyConfiguration(
      steps: 8, "data.skipLimit=0.2", "network.dropPath=0.3", "dino.centering=\(centering)")
    try pretrain(configuration, data: data, run: scratch.path + "/whole")
    let outcome = try pretrain(configuration, data: data, run: scratch.path + "/parts", stopAfter: stop)
    #expect(outcome.isInterrupted && outcome.done == stop)
    let rest = try pretrain(configuration, data: data, run: scratch.path + "/parts") { $0.resumes = true }
    #expect(!rest.isInterrupted && rest.done == 8)
    let (whole, parts) = (
      try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: scratch.path + "/parts")
    )
    #expect(Set(whole.keys) == Set(parts.keys))
    for (name, contents) in whole { #expect(parts[name] == contents, "\(name)") }
    #expect(whole["skipped.jsonl"]!.isEmpty == false)
  }

  @Test
  func `a run learns the same from images kept in memory or in a file, and from those found there`() throws {
    let data = try scratch.images(12, broken: 1)
    let cache = scratch.path + "/cache"
    var metrics: [String: Data?] = [:]
    for (name, rule) in [("off", "off"), ("memory", "memory"), ("file", "file"), ("found", "file")] {
      let configuration = try tinyConfiguration(
        steps: 8, "data.skipLimit=0.2", "data.cache=\(rule)", "data.cacheFile=\(cache)")
      try pretrain(configuration, data: data, run: "\(scratch.path)/\(name)")
      let written = try bytes(ofRun: "\(scratch.path)/\(name)")
      metrics[name] = written["metrics.jsonl"]
      #expect(written["teacher.safetensors"] != nil)
      #expect(FileManager.default.fileExists(atPath: cache) == ["file", "found"].contains(name))
    }
    #expect(metrics["off"] != nil && Set(metrics.values).count == 1)
    // A forecast writes nothing.
    try FileManager.default.removeItem(atPath: cache)
    let configuration = try tinyConfiguration(
      steps: 4, "data.skipLimit=0.2", "data.cache=file", "data.cacheFile=\(cache)")
    _ = try TrainingRun(configuration, data: [data], run: scratch.path + "/never").forecast {
      ProcessInfo.processInfo.systemUptime
    }
    #expect(!FileManager.default.fileExists(atPath: cache))
  }

  @Test
  func `a checkpoint that a kill left unfinished is ignored, and lines logged after the last one are cut`()
    throws
  {
    let data = try scratch.images(12)
    let configuration = try tinyConfiguration(steps: 6)
    try pretrain(configuration, data: data, run: scratch.path + "/whole")
    let run = scratch.path + "/killed"
    try pretrain(configuration, data: data, run: run, stopAfter: 4)
    // As a kill during step 6's save leaves it: the hidden folder half written, later metrics, a torn line.
    let hidden = run + "/checkpoints/.step-6.partial"
    try FileManager.default.createDirectory(atPath: hidden, withIntermediateDirectories: true)
    try Data("half".utf8).write(to: URL(fileURLWithPath: hidden + "/student.safetensors"))
    let handle = try #require(FileHandle(forWritingAtPath: run + "/metrics.jsonl"))
    handle.seekToEndOfFile()
    handle.write(Data((#"{"step":4,"epoch":1,"loss":1.0}"# + "\n{\"step\":5,\"ep").utf8))
    try handle.close()
    try pretrain(configuration, data: data, run: run) { $0.resumes = true }
    let (whole, parts) = (try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: run))
    for (name, contents) in whole { #expect(parts[name] == contents, "\(name)") }
    #expect(!FileManager.default.fileExists(atPath: hidden))
  }

  @Test func `targets that the whole batch shares are refused for a batch in parts`() throws {
    let data = try scratch.images(12)
    let configuration = try tinyConfiguration(steps: 2, "dino.centering=sinkhorn", "training.batchParts=2")
    #expect {
      try pretrain(configuration, data: data, run: scratch.path + "/run")
    } throws: {
      guard case TrainingError.unavailable(let setting, let reason) = $0 else { return false }
      return setting == "training.batchParts" && reason.contains("couples the images")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/run"))
  }

  @Test func `a missing last file falls back to the newest whole checkpoint`() throws {
    let data = try scratch.images(12)
    let configuration = try tinyConfiguration(steps: 4)
    try pretrain(configuration, data: data, run: scratch.path + "/run")
    try FileManager.default.removeItem(atPath: scratch.path + "/run/checkpoints/last")
    #expect(RunFolder(scratch.path + "/run").newestCheckpoint?.hasSuffix("step-4") == true)
  }

  @Test func `old checkpoints are pruned`() throws {
    let data = try scratch.images(12)
    let configuration = try tinyConfiguration(steps: 8, "training.checkpointsKept=2")
    let notes = Notes()
    try pretrain(configuration, data: data, run: scratch.path + "/run", observer: notes)
    #expect(notes.saved == [2, 4, 6, 8])
    #expect(RunFolder(scratch.path + "/run").checkpointSteps == [6, 8])
  }

  @Test func `a folder that holds a run is refused unless told otherwise, and nothing in it changes`() throws
  {
    let data = try scratch.images(12)
    let run = scratch.path + "/run"
    try pretrain(try tinyConfiguration(steps: 2), data: data, run: run)
    let before = try bytes(ofRun: run)
    #expect(throws: TrainingError.self) {
      try pretrain(try tinyConfiguration(steps: 2), data: data, run: run)
    }
    #expect(throws: TrainingError.self) {
      try pretrain(try tinyConfiguration(steps: 3), data: data, run: run) { $0.resumes = true }
    }
    let other = try scratch.images(13, named: "other")
    #expect(throws: TrainingError.self) {
      try pretrain(try tinyConfiguration(steps: 2), data: other, run: run) { $0.resumes = true }
    }
    #expect(try bytes(ofRun: run) == before)
    try pretrain(try tinyConfiguration(steps: 3), data: data, run: run) { $0.overwrites = true }
    #expect(RunFolder(run).checkpointSteps == [2, 3])
  }

  @Test func `a resume under other settings names them`() throws {
    let data = try scratch.images(12)
    try pretrain(try tinyConfiguration(steps: 2), data: data, run: scratch.path + "/run")
    do {
      try pretrain(
        try tinyConfiguration(steps: 2, "ema.momentum=0.9"), data: data, run: scratch.path + "/run"
      ) { $0.resumes = true }
      Issue.record("it was not refused")
    } catch let error as TrainingError {
      #expect(error.description.contains("ema.momentum was 0.996, not 0.9"), "\(error)")
    }
  }

  @Test func `a loss that is not finite stops the run with step and value, and the last checkpoint stays`()
    throws
  {
    let data = try scratch.images(12)
    let configuration = try tinyConfiguration(
      steps: 200, "training.learningRate=1000", "optimizer.weightDecay=1",
      "optimizer.finalWeightDecay=1")
    let run = scratch.path + "/run"
    do {
      try pretrain(configuration, data: data, run: run)
      Issue.record("it did not stop")
    } catch let error as TrainingError {
      guard case .lossNotFinite(let step, let value) = error else { throw error }
      #expect(!value.isFinite && step > 0)
      let lines = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      #expect(lines.count == step, "a line for each step before")
    }
  }

  @Test func `bfloat16 is refused by name of what is missing, and trains near float32`() throws {
    let data = try scratch.images(40)
    let settings = ["training.batchSize=16", "training.precision=bfloat16"]
    let refused = TrainingRun(
      try tinyConfiguration(steps: 4, settings[0], settings[1]), data: [data], run: scratch.path + "/refused")
    if let missing = Precision.bfloat16.missing {
      let error = #expect(throws: TrainingError.self) { try refused.prepared() }
      #expect(missing.contains("AVX512_BF16"))
      #expect("\(try #require(error))".contains(missing))
      #expect(!FileManager.default.fileExists(atPath: scratch.path + "/refused"))
    } else {
      _ = try refused.prepared()
    }
    let outcomes = try Precision.allCases.map { precision in
      try pretrain(
        try tinyConfiguration(
          steps: 4, settings[0], "training.precision=\(precision)", "training.emulateBfloat16=true"),
        data: data, run: scratch.path + "/\(precision)")
    }
    let losses = try outcomes.map { try #require($0.loss) }
    // Most numbers of a step are rounded to one part in 256 or nearer, and each step adds to what the last one was off.
    #expect(losses[0] != losses[1] && abs(losses[0] - losses[1]) < losses[0] / 256, "\(losses)")
  }

  @Test func `too many unreadable files stop the run with the first of them`() throws {
    let data = try scratch.images(12, broken: 5)
    do {
      try pretrain(try tinyConfiguration(steps: 20), data: data, run: scratch.path + "/run")
      Issue.record("it did not stop")
    } catch let error as TrainingError {
      #expect(error.description.contains("0003-broken-"), "\(error)")
    }
  }

  @Test func `an empty folder is refused before anything is written`() throws {
    let empty = scratch.path + "/empty"
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    #expect(throws: ImageFolderError.self) {
      try pretrain(try tinyConfiguration(steps: 2), data: empty, run: scratch.path + "/run")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/run"))
  }
}
