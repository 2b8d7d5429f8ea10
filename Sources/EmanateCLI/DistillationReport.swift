import EmanateEvaluation
import EmanateInterchange
import Foundation

/// The honest table: teacher, the same student without it, and students that learned from it, on the same test images.
struct DistillationReport {
  /// A network on the test images.
  struct Figures: Encodable {
    let seed: Int?
    let top1, top5, ece, images_per_second, latency_ms: Double
    /// In how many of the images, in percent, it tells the class that the teacher tells; nil where not the same images
    /// could be read for both.
    let agreement: Double?
    let parameters, bytes: Int
    /// The networks that learned beside it; nil where nobody looked.
    var peers: [Peer]?

    init(_ judgement: ClassifierJudgement, teacher: ClassifierJudgement?, seed: Int? = nil) {
      self.seed = seed
      (top1, top5) = (judgement.report.accuracy.top1, judgement.report.accuracy.top5)
      ece = judgement.report.calibrationError
      (images_per_second, latency_ms) = (judgement.networkImagesPerSecond, judgement.latency)
      (parameters, bytes) = (judgement.parameters, judgement.bytes)
      guard let teacher else {
        agreement = nil
        return
      }
      // By name: the teacher may have its classes in another order.
      let alike = zip(judgement.told, teacher.told).count {
        judgement.classes[$0] == teacher.classes[$1]
      }
      agreement =
        judgement.told.count == teacher.told.count
        ? 100 * Double(alike) / Double(max(1, teacher.told.count)) : nil
    }
  }

  /// A network that learned beside the student.
  struct Peer: Encodable {
    let weights: String
    let top1: Double
    let parameters: Int
  }

  /// One way to train the student, with every seed that it was trained with so far.
  struct Row {
    let name: String
    var runs: [Figures] = []
    /// Runs that ended without a network, a sentence each.
    var failures: [String] = []

    init(_ name: String) { self.name = name }

    func statistics(_ value: (Figures) -> Double?) -> SeedStatistics? {
      let values = runs.compactMap(value)
      return values.isEmpty ? nil : SeedStatistics(values)
    }
  }

  /// What stands above the table: weights, architecture, images.
  let title: String
  /// The folder that it is written into.
  let place: String
  /// nil where nobody was trained before.
  let teacher: Figures?
  let testImages: Int
  let seeds: [Int]
  var rows: [Row]
  /// The row of students without a teacher.
  var base = Self.baseline
  /// The row that is the student; nil where there is but one, or where there is none among several families.
  var student: String?

  /// What that row is usually called.
  static let baseline = "baseline"
  /// Points below the teacher past which a student is marked.
  static let gapLimit = 3.0

  /// What a row's students gained over those without a teacher, over the seeds that both have.
  func gain(_ row: Row) -> SeedStatistics? {
    guard row.name != base, let baseline = rows.first(where: { $0.name == base }) else { return nil }
    let pairs = row.runs.compactMap { run in
      baseline.runs.first { $0.seed == run.seed }.map { (run.top1, $0.top1) }
    }
    return pairs.isEmpty ? nil : SeedStatistics(gainOf: pairs.map(\.0), over: pairs.map(\.1))
  }

  /// How many points a row's students stay below the teacher.
  func gap(_ row: Row) -> Double? {
    guard let teacher, let top1 = row.statistics(\.top1) else { return nil }
    return teacher.top1 - top1.mean
  }

  private var table: TextTable {
    TextTable(
      header: [
        "", "top-1 %", "gain", "teacher - student", "calibration error", "like the teacher %", "parameters",
        "bytes", "images/s",
      ],
      rows: (teacher.map { teacher in
        [
          [
            "teacher", String(format: "%.2f", teacher.top1), "", "", String(format: "%.4f", teacher.ece), "",
            "\(teacher.parameters)", "\(teacher.bytes)", String(format: "%.0f", teacher.images_per_second),
          ]
        ]
      } ?? []) + rows.map(cells))
  }

  private func cells(_ row: Row) -> [String] {
    guard let top1 = row.statistics(\.top1), let first = row.runs.first else {
      return [row.name, row.failures.isEmpty ? "not yet" : "failed"] + Array(repeating: "", count: 7)
    }
    func spread(_ statistics: SeedStatistics?, _ digits: Int) -> String {
      guard let statistics else { return "" }
      return String(format: "%.*f", digits, statistics.mean)
        + (statistics.deviation.map { String(format: " ± %.*f", digits, $0) } ?? "")
    }
    let gap = gap(row).map { String(format: "%.2f%@", $0, $0 > Self.gapLimit ? " (> 3)" : "") }
    return [
      row.name, spread(top1, 2), gain(row).map(Self.text) ?? "", gap ?? "", spread(row.statistics(\.ece), 4),
      spread(row.statistics(\.agreement), 2), "\(first.parameters)", "\(first.bytes)",
      String(format: "%.0f", row.runs.map(\.images_per_second).max() ?? 0),
    ]
  }

  private static func text(_ gain: SeedStatistics) -> String {
    String(format: "%+.2f", gain.mean)
      + (gain.interval.map { String(format: " [%+.2f, %+.2f]", $0.lowerBound, $0.upperBound) } ?? "")
  }

  /// What the figures are, and what they do not say.
  private var notes: [String] {
    let hasBaseline = rows.contains { $0.name == base }
    var notes: [String] = []
    if seeds.count == 1 {
      notes.append(
        "Single runs (seed \(seeds[0])): another seed gives other figures, often by a point; --seeds says by how much."
      )
    } else {
      notes.append(
        "\(seeds.count) seeds (\(seeds[0]) to \(seeds[seeds.count - 1])): means ± standard deviations."
          + (hasBaseline
            ? " A gain is the mean of the differences within a seed, with its 95 % interval by Student's t "
              + "(\(seeds.count - 1) degree\(seeds.count == 2 ? "" : "s") of freedom)." : ""))
      let sure = rows.filter { (gain($0)?.interval?.lowerBound ?? 0) > 0 }.map(\.name)
      if hasBaseline && rows.count > 1 {
        notes.append(
          sure.isEmpty
            ? "No gain's interval lies above zero." : "Above zero with 95 %: \(sure.joined(separator: ", "))."
        )
      }
    }
    notes.append(
      (hasBaseline ? "Gain: points of top-1 over the same student without a teacher. " : "")
        + "\(testImages) test images; "
        + (teacher == nil ? "" : "(> 3): more than 3 points below the teacher; ")
        + "images/s: sixteen at once, without reading files.")
    for row in rows {
      let peers = row.runs.flatMap { $0.peers ?? [] }
      if peers.isEmpty { continue }
      notes.append(
        "\(row.name): students that learned beside it, on their own: "
          + peers.map { String(format: "%.2f %% (%@)", $0.top1, $0.weights) }.joined(separator: ", ") + ".")
    }
    return notes + rows.flatMap { row in row.failures.map { "\(row.name): \($0)" } }
  }

  /// For a terminal.
  var text: String { ([table.text] + notes).joined(separator: "\n") }

  /// For a repository.
  var markdown: String { "# \(title)\n\n\(table.markdown)\n\n\(notes.joined(separator: "\n\n"))\n" }

  /// Puts `report.md` and `report.json` into its folder.
  func write() throws {
    try DurableFile.write(markdown, to: place + "/report.md")
    try DurableFile.write(JSONOutput.text(summary()) + "\n", to: place + "/report.json")
  }

  /// The same for other programs.
  func summary(interrupted: Bool = false) -> Summary { Summary(self, interrupted: interrupted) }

  struct Summary: Encodable {
    struct Statistics: Encodable {
      let mean: Double
      let deviation, low, high: Double?
      let values: [Double]

      init?(_ statistics: SeedStatistics?) {
        guard let statistics else { return nil }
        (mean, deviation, values) = (statistics.mean, statistics.deviation, statistics.values)
        (low, high) = (statistics.interval?.lowerBound, statistics.interval?.upperBound)
      }
    }

    struct Line: Encodable {
      let name: String
      let top1, top5, ece, agreement, gain: Statistics?
      let gap: Double?
      let gap_over_3: Bool
      let parameters, bytes: Int?
      let images_per_second: Double?
      let runs: [Figures]
      let failures: [String]
    }

    let run, title: String
    let seeds: [Int]
    let single_runs, interrupted: Bool
    let test_images: Int
    let teacher: Figures?
    let rows: [Line]
    let top1, teacher_top1, baseline_top1, agreement: Double?
    let student_parameters, teacher_parameters: Int?
    let gain: Statistics?

    init(_ report: DistillationReport, interrupted: Bool) {
      (run, title, seeds, self.interrupted) = (report.place, report.title, report.seeds, interrupted)
      (single_runs, test_images, teacher) = (report.seeds.count == 1, report.testImages, report.teacher)
      rows = report.rows.map { row in
        Line(
          name: row.name, top1: Statistics(row.statistics(\.top1)), top5: Statistics(row.statistics(\.top5)),
          ece: Statistics(row.statistics(\.ece)), agreement: Statistics(row.statistics(\.agreement)),
          gain: Statistics(report.gain(row)), gap: report.gap(row),
          gap_over_3: (report.gap(row) ?? 0) > DistillationReport.gapLimit,
          parameters: row.runs.first?.parameters, bytes: row.runs.first?.bytes,
          images_per_second: row.runs.map(\.images_per_second).max(), runs: row.runs, failures: row.failures)
      }
      let students = report.rows.filter { $0.name != report.base }
      // Of several families none is the student.
      let student = students.count == 1 ? students.first : students.first { $0.name == report.student }
      top1 = student?.statistics(\.top1)?.mean
      agreement = student?.statistics(\.agreement)?.mean
      gain = student.flatMap { Statistics(report.gain($0)) }
      baseline_top1 =
        report.rows.first { $0.name == report.base }?.statistics(\.top1)?.mean
      (teacher_top1, teacher_parameters) = (report.teacher?.top1, report.teacher?.parameters)
      student_parameters = students.lazy.compactMap { $0.runs.first?.parameters }.first
    }
  }
}
