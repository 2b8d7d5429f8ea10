import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateInterchange
import Foundation

/// What a chain has found: features that were learned without labels, beside raw pixels and random weights, and teacher,
/// student and the same student without a teacher, all on the same test images.
struct ChainReport {
  /// Rows of numbers, judged by the vote of nearest neighbours.
  struct Features: Encodable {
    let name: String
    let dimension: Int
    let knn_top1: Double
  }

  let features: [Features]
  let comparison: DistillationReport
  /// How many neighbours vote, where there are as many.
  private static let neighbours = 20

  /// Judges the runs of a chain that is done. Whoever is asked to stop gets nil.
  init?(of chain: Chain, shouldStop: () -> Bool) throws {
    let folders = LabelledFolders(
      train: try ImageFolder(chain.folders.train), test: try ImageFolder(chain.folders.test))
    let learned = try NetworkReader().read(chain.place(.pretrain))
    let sources: [(String, FeatureSource)] = [
      ("raw pixels", .pixels(as: learned)), ("random weights", .network(learned.randomized(seed: 0))),
      ("learned without labels", .network(learned)),
    ]
    var features: [Features] = []
    for (name, source) in sources {
      if shouldStop() { return nil }
      let rows = try LabelledFeatures(folders, by: source, name: name)
      let knn = KNearestNeighbors(
        features: rows.train.rows, labels: rows.trainLabels, classes: rows.classes.count,
        k: min(Self.neighbours, rows.train.count))
      features.append(
        Features(
          name: name, dimension: rows.train.dimension,
          knn_top1: knn.accuracy(features: rows.test.rows, labels: rows.testLabels).top1))
    }
    self.features = features
    if shouldStop() { return nil }
    comparison = try Self.comparison(of: chain, test: folders.test)
  }

  /// Teacher, student and the student without a teacher; each run's folder keeps its `evaluation.json`.
  static func comparison(of chain: Chain, test: ImageFolder) throws -> DistillationReport {
    let teacher = try ClassifierJudgement(run: chain.place(.finetune), test: test)
    let settings = chain[.distill]
    var report = DistillationReport(
      title:
        "\(settings.network.architecture.rawValue) taught by \(chain.place(.finetune)), images of "
        + chain.folders.train.joined(separator: ", "),
      place: chain.out, teacher: DistillationReport.Figures(teacher, teacher: teacher),
      testImages: test.count, seeds: [settings.seed], rows: [])
    report.rows = try [(DistillationReport.baseline, Chain.Stage.baseline), ("student", .distill)].map {
      name, stage in
      let judgement = try ClassifierJudgement(run: chain.place(stage), test: test)
      var row = DistillationReport.Row(name)
      row.runs = [DistillationReport.Figures(judgement, teacher: teacher, seed: settings.seed)]
      return row
    }
    return report
  }

  /// How far an accuracy in percent may be off by the choice of the test images alone: one standard error, in points.
  static func noise(_ top1: Double, images: Int) -> Double {
    (top1 * (100 - top1) / Double(max(1, images))).squareRoot()
  }

  /// That of the teacher; a chain has one.
  static func standardError(_ comparison: DistillationReport) -> Double {
    noise(comparison.teacher?.top1 ?? 0, images: comparison.testImages)
  }

  private var table: TextTable {
    TextTable(
      header: ["\(Self.neighbours) nearest neighbours", "numbers", "top-1 %"],
      rows: features.map { [$0.name, "\($0.dimension)", String(format: "%.2f", $0.knn_top1)] })
  }

  private var note: String {
    String(
      format: "%ld test images: an accuracy is known to about %.1f points (one standard error).",
      comparison.testImages, Self.standardError(comparison))
  }

  /// For a terminal.
  var text: String { "\(table.text)\n\n\(comparison.text)\n\(note)" }

  /// For a repository.
  var markdown: String {
    "\(comparison.markdown)\n\(note)\n\n## Features\n\n\(table.markdown)\n\n"
      + "The vote of the \(Self.neighbours) nearest of the training images, whose labels the features never saw.\n"
  }

  /// The same for other programs.
  var summary: Summary { Summary(self) }

  struct Summary: Encodable {
    let features: [Features]
    let knn_top1, raw_pixel_knn_top1, random_knn_top1: Double
    let top1, teacher_top1, baseline_top1, agreement: Double?
    let student_parameters, teacher_parameters: Int?
    let standard_error: Double
    let comparison: DistillationReport.Summary

    init(_ report: ChainReport) {
      features = report.features
      // In the order in which they were judged.
      let votes = report.features.map(\.knn_top1)
      (raw_pixel_knn_top1, random_knn_top1, knn_top1) = (votes[0], votes[1], votes[2])
      comparison = report.comparison.summary()
      (top1, teacher_top1) = (comparison.top1, comparison.teacher_top1)
      (baseline_top1, agreement) = (comparison.baseline_top1, comparison.agreement)
      student_parameters = comparison.student_parameters
      teacher_parameters = comparison.teacher_parameters
      standard_error = ChainReport.standardError(report.comparison)
    }
  }

  /// Puts `report.md` and `report.json` into the chain's folder.
  func write() throws {
    try DurableFile.write(markdown, to: comparison.place + "/report.md")
    try DurableFile.write(JSONOutput.text(summary) + "\n", to: comparison.place + "/report.json")
  }
}
