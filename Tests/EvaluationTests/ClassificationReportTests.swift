import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import Foundation
import Testing

@Suite struct ClassificationReportTests {
  @Test func `accuracy, confusion and loss are those of four images counted by hand`() {
    // Probabilities 1/2, 1/4, 1/4 in turn.
    let rows: [[Double]] = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    let logits = Tensor(rows.joined().map { Float(log($0)) }, [4, 3])
    let report = ClassificationReport(logits: logits, labels: [0, 1, 2, 2])
    #expect(report.accuracy.top1 == 75 && report.accuracy.top5 == 100 && report.accuracy.count == 4)
    #expect(report.confusion == [[1, 0, 0], [0, 1, 0], [1, 0, 1]])
    #expect(report.classAccuracies == [100, 100, 50])
    #expect(abs(report.loss - (3 * log(2.0) + log(4.0)) / 4) < 1e-6)
    // All four in one bin: right in 3 of 4, sure by a half.
    #expect(abs(report.calibrationError - 0.25) < 1e-6)
  }

  @Test func `a class without images has no accuracy`() {
    let report = ClassificationReport(logits: Tensor([1, 0, 0], [1, 3]), labels: [0])
    #expect(report.classAccuracies == [100, nil, nil])
  }

  @Test func `calibration error is that of a loop over bins`() {
    var generator = KeyedGenerator(seed: 3, purpose: .views, 0)
    let (rows, classes) = (500, 4)
    let logits = (0..<rows * classes).map { _ in Float(3 * generator.normal()) }
    let labels = (0..<rows).map { _ in generator.index(below: classes) }
    let report = ClassificationReport(logits: Tensor(logits, [rows, classes]), labels: labels)
    var expected = 0.0
    for bin in 0..<15 {
      let (low, high) = (Double(bin) / 15, Double(bin + 1) / 15)
      var (count, right, sure) = (0.0, 0.0, 0.0)
      for row in 0..<rows {
        let powers = logits[row * classes..<(row + 1) * classes].map { exp(Double($0)) }
        let greatest = powers.max()! / powers.reduce(0, +)
        guard greatest > low && greatest <= high else { continue }
        count += 1
        sure += greatest
        if powers.firstIndex(of: powers.max()!) == labels[row] { right += 1 }
      }
      if count > 0 { expected += count / Double(rows) * abs(right / count - sure / count) }
    }
    #expect(expected > 0.05 && abs(report.calibrationError - expected) < 1e-9)
  }

  @Test func `certainty that is right is calibrated, and certainty that is wrong is not`() {
    let sure = Tensor([100, 0, 0, 100], [2, 2])
    #expect(ClassificationReport(logits: sure, labels: [0, 1]).calibrationError < 1e-9)
    #expect(abs(ClassificationReport(logits: sure, labels: [1, 0]).calibrationError - 1) < 1e-9)
    #expect(ClassificationReport(logits: sure, labels: [1, 0]).loss.isFinite)
  }

  @Test func `predictions are the greatest probabilities`() {
    let told = ClassPrediction.of(Tensor([0, Float(log(3.0)), 5, -100], [2, 2]))
    #expect(told.map(\.label) == [1, 0])
    #expect(abs(told[0].probability - 0.75) < 1e-6 && told[1].probability > 0.999)
  }
}
