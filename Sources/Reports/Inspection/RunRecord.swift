import EmanateConfiguration
import EmanateTraining
import Foundation

/// Everything that a run's folder says about how it went, read once: for reports. Nothing in it is a picture yet.
public struct RunRecord: Sendable {
  /// What the reader knows it by.
  public let name: String
  /// Its folder.
  public let folder: RunFolder
  /// Verdict and findings.
  public let inspection: RunInspection
  /// Its settings; the defaults where the folder has none.
  public let settings: ExperimentConfiguration
  /// `config.yaml` as it stands; nil where it is missing.
  public let configuration: String?
  /// The numbers of `metrics.jsonl` by their keys.
  public let curves: [String: MetricCurve]
  /// The norms of each layer's gradient, in the order of the network.
  public let layers: [(name: String, curve: MetricCurve)]
  /// Images a second, and the share of the time that training waited for images, 0...1, from `times.jsonl`.
  public let rate, waiting: MetricCurve
  /// From which step on the watch over collapse said what; `to` is the last step that it said it at.
  public let verdicts: [(verdict: CollapseWatch.Verdict, from: Int, to: Int)]
  /// The first files that were left out, and how many there were.
  public let skipped: [(step: Int, path: String, reason: String)]
  /// How many files were left out.
  public let skippedCount: Int
  /// Images in its data, as the newest checkpoint knows.
  public let images: Int?
  /// What `emanate distill` found on test images, if the run is one of its students.
  public let distillation: DistilledAccuracies?

  /// The key of what the targets tell of their images, in nats.
  static let information = "targetInformation"
  /// The most files that a report names.
  static let mostSkipped = 50

  /// Reads the folder of a run.
  ///
  /// - Throws: `TrainingError.file` if there are no metrics to read.
  public init(_ folder: RunFolder, name: String, buckets: Int = 360) throws(TrainingError) {
    inspection = try RunInspection(folder)
    (self.name, self.folder) = (name, folder)
    settings = (try? folder.savedConfiguration()) ?? ExperimentConfiguration()
    configuration = try? String(contentsOfFile: folder.configuration, encoding: .utf8)
    images = folder.newestCheckpoint.flatMap { try? Checkpoint.state(at: $0) }?.images

    var (curves, layers) = ([String: MetricCurve](), [(name: String, curve: MetricCurve)]())
    var verdicts: [(verdict: CollapseWatch.Verdict, from: Int, to: Int)] = []
    Self.lines(folder.metrics) { step, object in
      for (key, value) in object where key != "step" {
        if let number = value as? Double {
          curves[key, default: MetricCurve(limit: buckets)].add(step: step, number)
        }
      }
      // The mutual information of image and prototype, which no line has.
      if let mean = object["meanTargetEntropy"] as? Double, let entropy = object["teacherEntropy"] as? Double
      {
        curves[Self.information, default: MetricCurve(limit: buckets)].add(step: step, mean - entropy)
      }
      for (layer, value) in object["layerGradientNorms"] as? [String: Any] ?? [:] {
        guard let norm = value as? Double else { continue }
        let place = layers.firstIndex { $0.name == layer }
        if place == nil { layers.append((layer, MetricCurve(limit: buckets / 3))) }
        layers[place ?? layers.count - 1].curve.add(step: step, norm)
      }
      if let verdict = (object["collapse"] as? String).flatMap(CollapseWatch.Verdict.init) {
        if verdicts.last?.verdict == verdict {
          verdicts[verdicts.count - 1].to = step
        } else {
          verdicts.append((verdict, step, step))
        }
      }
    }
    self.curves = curves
    self.layers = layers.sorted { Self.order(of: $0.name) < Self.order(of: $1.name) }
    self.verdicts = verdicts

    var (rate, waiting) = (MetricCurve(limit: buckets), MetricCurve(limit: buckets))
    Self.lines(folder.times) { step, object in
      if let value = object["imagesPerSecond"] as? Double { rate.add(step: step, value) }
      if let seconds = object["seconds"] as? Double, seconds > 0,
        let wait = object["waitingSeconds"] as? Double
      {
        waiting.add(step: step, min(1, wait / seconds))
      }
    }
    (self.rate, self.waiting) = (rate, waiting)

    var (skipped, count) = ([(step: Int, path: String, reason: String)](), 0)
    Self.lines(folder.skipped) { step, object in
      count += 1
      guard skipped.count < Self.mostSkipped, let path = object["path"] as? String else { return }
      skipped.append((step, path, object["reason"] as? String ?? ""))
    }
    (self.skipped, skippedCount) = (skipped, count)
    distillation = DistilledAccuracies(near: folder)
  }

  /// Gives every line of a file of JSON objects that has a step; others, a torn last one say, are left out.
  private static func lines(_ path: String, _ body: (Int, [String: Any]) -> Void) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
        let step = object["step"] as? Int
      else { continue }
      body(step, object)
    }
  }

  /// The place of a layer in its network: JSON's objects keep no order.
  private static func order(of layer: String) -> (Int, Int, String) {
    if layer == "stem" { return (0, 0, layer) }
    if let number = Int(String(layer.reversed().prefix { $0.isNumber }.reversed())) {
      return (1, number, layer)
    }
    let heads = ["norm", "fc", "projector", "predictor", "head"]
    return (2, heads.firstIndex(of: layer) ?? heads.count, layer)
  }

  /// A metric's curve, if the run has it.
  func curve(_ key: String) -> MetricCurve? { curves[key] }

  /// The logarithm of the number of prototypes; nil for methods without them.
  var logPrototypes: Double? {
    curves["lossOverLogPrototypes"] == nil ? nil : log(Double(settings.head.prototypes))
  }

  /// Whether it learned from labels or from teachers.
  var isLabelled: Bool { inspection.isLabelled }
}

/// A student's accuracies on test images beside its teacher's and those of the same student without a teacher, in percent,
/// from the `report.json` of `emanate distill`.
public struct DistilledAccuracies: Sendable, Equatable {
  /// Each with its name, the teacher first.
  public let rows: [Row]

  /// One network.
  public struct Row: Sendable, Equatable {
    /// The network.
    public let name: String
    /// How often it was right, in percent.
    public let top1: Double
  }

  /// The report in a run's folder, or up to two folders above, where `--seeds` and `--sweep` put it.
  init?(near folder: RunFolder) {
    let whole = URL(fileURLWithPath: folder.path).standardizedFileURL
    let places = [
      whole, whole.deletingLastPathComponent(), whole.deletingLastPathComponent().deletingLastPathComponent(),
    ]
    for place in places {
      guard let data = FileManager.default.contents(atPath: place.appending(path: "report.json").path),
        let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
        let teacher = object["teacher_top1"] as? Double
      else { continue }
      let lines = (object["rows"] as? [[String: Any]] ?? []).compactMap { line -> Row? in
        guard let name = line["name"] as? String, let top1 = line["top1"] as? [String: Any],
          let mean = top1["mean"] as? Double
        else { return nil }
        return Row(name: name == "baseline" ? "student without a teacher" : name, top1: mean)
      }
      rows = [Row(name: "teacher", top1: teacher)] + lines
      return
    }
    return nil
  }
}
