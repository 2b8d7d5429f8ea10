import EmanateInterchange
import Foundation

/// Where a run keeps what: `config.yaml`, `metrics.jsonl`, `times.jsonl`, `skipped.jsonl`, `checkpoints/`, and `tensorboard/` if
/// it is asked for.
public struct RunFolder: Sendable, Equatable {
  /// The folder's path.
  public let path: String

  /// The run at `path`, existing or not.
  public init(_ path: String) { self.path = path }

  /// The resolved settings, `config.yaml`.
  public var configuration: String { path + "/config.yaml" }
  /// The augmentation recipe as resolved, so that a changed file cannot change a resumed run.
  public var recipe: String { path + "/recipe.yaml" }
  /// A line of JSON a step, `metrics.jsonl`.
  public var metrics: String { path + "/metrics.jsonl" }
  /// A line of JSON for each file left out, `skipped.jsonl`.
  public var skipped: String { path + "/skipped.jsonl" }
  /// A line of JSON for every so many steps with how long they took, `times.jsonl`: what the clock says stands apart from
  /// the metrics, which equal runs share.
  public var times: String { path + "/times.jsonl" }
  /// Where the images lie, `data.json`.
  public var data: String { path + "/data.json" }
  /// The folder of the event files that TensorBoard reads, `tensorboard`; there only where `logging.tensorboard` asks for it.
  public var tensorboard: String { path + "/tensorboard" }
  /// The folder of the checkpoints `step-N` and of `last`, which names the newest.
  public var checkpoints: String { path + "/checkpoints" }
  var last: String { checkpoints + "/last" }
  var best: String { checkpoints + "/best" }

  func checkpoint(_ step: Int) -> String { "\(checkpoints)/step-\(step)" }

  /// Whether a run lives here: its configuration is there, or at least one checkpoint.
  public var holdsRun: Bool {
    FileManager.default.fileExists(atPath: configuration) || !checkpointSteps.isEmpty
  }

  /// The steps of all whole checkpoints, rising.
  public var checkpointSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
    return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
  }

  /// The folder of the newest checkpoint: what `last` names, or the greatest step where that file is missing.
  public var newestCheckpoint: String? {
    if let name = try? String(contentsOfFile: last, encoding: .utf8) {
      let folder = checkpoints + "/" + name.trimmingCharacters(in: .whitespacesAndNewlines)
      if FileManager.default.fileExists(atPath: folder) { return folder }
    }
    return checkpointSteps.last.map { checkpoint($0) }
  }

  /// The files of the networks that learned beside the student, in the checkpoint whose weights are read: the best one, or
  /// the newest without images held out.
  public var companions: [String] {
    let name = [best, last].lazy.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.first
    guard let name else { return [] }
    let folder = checkpoints + "/" + name.trimmingCharacters(in: .whitespacesAndNewlines)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasPrefix("peer-") && $0.hasSuffix(".safetensors") }
      .sorted { ($0.count, $0) < ($1.count, $1) }.map { folder + "/" + $0 }
  }

  /// Names the checkpoint that images held out found best; it is read where a run's weights are asked for.
  func markBest(_ step: Int) throws(FileFailure) { try DurableFile.write("step-\(step)\n", to: best) }

  /// Makes the folder and its `checkpoints`.
  func create() throws(TrainingError) {
    do {
      try FileManager.default.createDirectory(atPath: checkpoints, withIntermediateDirectories: true)
    } catch {
      throw .file(
        FileFailure(path: checkpoints, action: "create the folder", reason: error.localizedDescription))
    }
  }

  /// Removes what a run wrote here, and nothing else.
  package func removeRun() throws(TrainingError) {
    for file in [configuration, recipe, metrics, skipped, times, data, tensorboard, checkpoints]
    where FileManager.default.fileExists(atPath: file) {
      do {
        try FileManager.default.removeItem(atPath: file)
      } catch {
        throw .file(FileFailure(path: file, action: "remove", reason: error.localizedDescription))
      }
    }
  }
}
