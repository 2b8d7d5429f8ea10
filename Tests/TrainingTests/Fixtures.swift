import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// A temporary folder that is removed with the value.
final class Scratch {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "emanate-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// A folder of `count` small noisy images, and after them `broken` files that are no images.
  func images(_ count: Int, broken: Int = 0, named name: String = "images") throws -> String {
    let folder = path + "/" + name
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for number in 0..<count {
      var generator = KeyedGenerator(seed: 7, purpose: .views, number)
      let pixels = (0..<20 * 20 * 3).map { _ in UInt8(generator.index(below: 256)) }
      let bytes = PNGEncoder().encode(Image(width: 20, height: 20, pixels: pixels))
      try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(String(format: "%04d", number)).png"))
    }
    for number in 0..<broken {
      try Data("not an image".utf8).write(to: URL(fileURLWithPath: "\(folder)/0003-broken-\(number).png"))
    }
    return folder
  }
}

/// A tiny DINO: 16-pixel views, patch 4, three steps a second.
func tinyConfiguration(steps: Int, _ overrides: String...) throws -> ExperimentConfiguration {
  var configuration = ExperimentConfiguration()
  for setting in [
    "network.width=32", "network.depth=2", "network.heads=2", "network.patch=4", "network.side=16",
    "head.hidden=32", "head.bottleneck=16", "head.prototypes=64", "data.views.globalSide=16",
    "data.views.localSide=8", "data.views.locals=2", "training.batchSize=4", "training.steps=\(steps)",
    "training.checkpointEverySteps=2", "dino.freezeLastLayerEpochs=0", "training.warmupEpochs=0",
  ] + overrides {
    try configuration.set(setting)
  }
  return configuration
}

/// Takes notes.
final class Notes: RunObserver {
  var steps: [Int] = []
  var saved: [Int] = []
  var skipped: [String] = []
  var notes: [String] = []
  func runWillStart(steps: Int, from: Int, images: Int, notes: [String]) { self.notes = notes }
  func didStep(_ progress: RunProgress) { steps.append(progress.done) }
  func didSkip(_ file: SkippedFile) { skipped.append(file.relativePath) }
  func didSave(step: Int) { saved.append(step) }
  var changes: [CollapseChange] = []
  func verdictDidChange(_ change: CollapseChange) { changes.append(change) }
  var votes: [(accuracy: Accuracy, done: Int, seconds: Double)] = []
  func didMeasureKNN(_ accuracy: Accuracy, done: Int, seconds: Double) {
    votes.append((accuracy, done, seconds))
  }
  var falls: [String] = []
  func knnDidFall(_ warning: String, done: Int) { falls.append(warning) }
}

/// Runs a training; `stopAfter` asks it to stop after that many steps done in all.
@discardableResult
func pretrain(
  _ configuration: ExperimentConfiguration, data: String, run: String, stopAfter: Int = .max,
  observer: Notes = Notes(), change: (inout TrainingRun) -> Void = { _ in }
) throws -> RunOutcome {
  var training = TrainingRun(configuration, data: [data], run: run)
  change(&training)
  return try training(
    observer: observer, clock: { ProcessInfo.processInfo.systemUptime },
    shouldStop: { (observer.steps.last ?? 0) >= stopAfter })
}

/// All bytes of a run that a resumed run must equal: metrics, skipped files and the newest checkpoint.
func bytes(ofRun run: String) throws -> [String: Data] {
  var files: [String: Data] = [:]
  let checkpoint = try #require(RunFolder(run).newestCheckpoint)
  for name in try FileManager.default.contentsOfDirectory(atPath: checkpoint) {
    files[name] = try Data(contentsOf: URL(fileURLWithPath: checkpoint + "/" + name))
  }
  for name in ["metrics.jsonl", "skipped.jsonl", "config.yaml"] {
    files[name] = try Data(contentsOf: URL(fileURLWithPath: run + "/" + name))
  }
  return files
}

/// A run in `folder`/whole, and one in `folder`/parts that stops after three steps and resumes, leave the same bytes.
func expectResumedEqualsWhole(_ configuration: ExperimentConfiguration, data: String, in folder: String)
  throws
{
  try pretrain(configuration, data: data, run: folder + "/whole")
  try pretrain(configuration, data: data, run: folder + "/parts", stopAfter: 3)
  try pretrain(configuration, data: data, run: folder + "/parts") { $0.resumes = true }
  let (whole, parts) = (
    try bytes(ofRun: folder + "/whole"), try bytes(ofRun: folder + "/parts")
  )
  #expect(Set(whole.keys) == Set(parts.keys))
  for (file, contents) in whole { #expect(parts[file] == contents, "\(file)") }
}
