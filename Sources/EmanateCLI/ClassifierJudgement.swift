import EmanateData
import EmanateEvaluation
import EmanateInterchange
import EmanateTensors
import Foundation

/// A classifier on a labelled folder: accuracy, calibration, per class, and what one image costs.
struct ClassifierJudgement {
  let report: ClassificationReport
  let classes: [String]
  let skipped: [SkippedFile]
  /// The class told for each image.
  let told: [Int]
  let parameters, side: Int
  /// Weights and buffers as float32.
  let bytes: Int
  /// The median of single images through the network, decoding not counted, in milliseconds.
  let latency: Double
  /// Whole folder, decoding counted.
  let imagesPerSecond: Double
  /// Sixteen images at once through the network, decoding not counted.
  let networkImagesPerSecond: Double
  private let weights: String

  /// - Throws: `ClassesError` for a folder of other classes, before any image is read.
  init(_ classifier: FrozenClassifier, test folder: ImageFolder, of weights: String) throws {
    _ = try classifier.labels(of: folder)
    let start = ProcessInfo.processInfo.systemUptime
    let progress = CountProgress("test images", of: folder.count)
    let logits = try Features(of: folder, by: .classifier(classifier)) { progress($0) }
    progress.finish()
    imagesPerSecond = Double(logits.count) / max(1e-9, ProcessInfo.processInfo.systemUptime - start)
    report = ClassificationReport(logits: logits.rows, labels: try classifier.labels(of: logits.folder))
    (classes, skipped) = (classifier.classes, logits.skipped)
    told = ClassPrediction.of(logits.rows).map(\.label)
    (parameters, side) = (classifier.parameterCount, classifier.network.side)
    bytes = classifier.byteCount
    latency = Self.latency(of: classifier)
    networkImagesPerSecond = Self.rate(of: classifier)
    self.weights = weights
  }

  /// The network that a run has found, on a test folder; the run's folder keeps it as `evaluation.json`.
  init(run: String, test folder: ImageFolder) throws {
    try self.init(NetworkReader().readClassifier(run), test: folder, of: run)
    try DurableFile.write(JSONOutput.text(summary) + "\n", to: run + "/evaluation.json")
  }

  /// Milliseconds that one image takes: the median of 31 after 3 that warm up.
  private static func latency(of classifier: FrozenClassifier) -> Double {
    let image = images(1, for: classifier)
    var seconds: [Double] = []
    for _ in 0..<34 {
      let start = ProcessInfo.processInfo.systemUptime
      _ = classifier.logits(image)
      seconds.append(ProcessInfo.processInfo.systemUptime - start)
    }
    return 1000 * seconds.dropFirst(3).sorted()[15]
  }

  /// The fastest of several batches of sixteen, for a tenth of a second.
  private static func rate(of classifier: FrozenClassifier) -> Double {
    let batch = images(16, for: classifier)
    _ = classifier.logits(batch)
    let start = ProcessInfo.processInfo.systemUptime
    var (least, now) = (Double.infinity, start)
    while now - start < 0.1 {
      let before = now
      _ = classifier.logits(batch)
      now = ProcessInfo.processInfo.systemUptime
      least = min(least, now - before)
    }
    return 16 / max(1e-9, least)
  }

  private static func images(_ count: Int, for classifier: FrozenClassifier) -> Tensor {
    let (patch, side) = (classifier.network.architecture.patch, classifier.network.side)
    return Tensor(repeating: 0.5, [count, (side / patch) * (side / patch), 3 * patch * patch])
  }

  /// A few lines, a line a class, and the most frequent mistakes.
  var text: String {
    let head = String(
      format: "%@ on %ld images: top-1 %.2f %%, top-5 %.2f %%, loss %.4f, calibration error %.4f\n"
        + "%ld parameters, %.2f ms an image alone, %.0f images/s with reading, side %ld",
      weights, report.accuracy.count, report.accuracy.top1, report.accuracy.top5, report.loss,
      report.calibrationError, parameters, latency, imagesPerSecond, side)
    let width = classes.map(\.count).max() ?? 0
    let rows = zip(classes, report.classAccuracies).enumerated().map { index, row in
      let name = row.0 + String(repeating: " ", count: width - row.0.count)
      let share = row.1.map { String(format: "%6.2f %%", $0) } ?? "no images"
      return "  \(name)  \(share)\(mistakes(of: index))"
    }
    return ([head] + rows).joined(separator: "\n")
  }

  /// The two classes that a class is most often taken for.
  private func mistakes(of index: Int) -> String {
    let row = report.confusion[index]
    let others = row.indices.filter { $0 != index && row[$0] > 0 }
      .sorted { (row[$0], $1) > (row[$1], $0) }.prefix(2)
    return others.isEmpty
      ? "" : "  taken for " + others.map { "\(classes[$0]) (\(row[$0]))" }.joined(separator: ", ")
  }

  /// The whole report, for other programs.
  var summary: Summary { Summary(self) }

  struct Summary: Encodable {
    let weights: String
    let top1, top5, loss, ece, latency_ms, images_per_second: Double
    let images, parameters, side: Int
    let classes: [String]
    let class_top1: [Double?]
    let confusion: [[Int]]
    let skipped: Int
    let skipped_files: [SkippedEntry]

    init(_ judgement: ClassifierJudgement) {
      let report = judgement.report
      weights = judgement.weights
      (top1, top5) = (report.accuracy.top1, report.accuracy.top5)
      (loss, ece) = (report.loss, report.calibrationError)
      (latency_ms, images_per_second) = (judgement.latency, judgement.imagesPerSecond)
      (images, parameters, side) = (report.accuracy.count, judgement.parameters, judgement.side)
      (classes, class_top1, confusion) = (judgement.classes, report.classAccuracies, report.confusion)
      (skipped, skipped_files) = (judgement.skipped.count, judgement.skipped.map(SkippedEntry.init))
    }
  }
}
