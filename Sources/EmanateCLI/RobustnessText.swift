import EmanateData
import EmanateEvaluation
import Foundation

/// The table of `emanate robustness`: a line an attack, a column a classifier.
struct RobustnessText {
  let results: [RobustnessTest.Result]
  let options: AttackOptions
  let images: Int
  let folder: String

  init(_ results: [RobustnessTest.Result], options: AttackOptions, images: Int, folder: String) {
    (self.results, self.options, self.images, self.folder) = (results, options, images, folder)
  }

  /// The table, then what nobody should overlook.
  var text: String {
    let head = String(
      format: "told right of %ld images, clean and after attacks within %.4f (L-infinity) or %.4g (L2):",
      images, options.epsilon, options.epsilonL2)
    var rows: [(name: String, cells: [String])] = [("", results.map { $0.name.printable })]
    rows.append(("clean", results.map { Self.percent($0.clean) }))
    var seen: Set<String> = []
    let all = results.flatMap(\.outcomes)
    // Attacks as they were asked for; of a transfer its sources together.
    let sorted = (results.first?.outcomes.map(\.attack) ?? []).flatMap { name in
      all.filter { $0.attack == name }
    }
    for outcome in sorted where seen.insert(Self.key(outcome)).inserted {
      let found = results.map { result in result.outcomes.first { Self.key($0) == Self.key(outcome) } }
      rows.append((Self.key(outcome).printable, found.map { $0.map { Self.percent($0.accuracy) } ?? "-" }))
      if outcome.attack == "cw" {
        rows.append(
          ("  median distance (L2)", found.map { Self.distance($0?.medianDistance) }))
      }
    }
    rows.append(("loss gradient exactly 0", results.map { Self.percent($0.masking.zero) }))
    rows.append(("loss gradient vanishing", results.map { Self.percent($0.masking.vanishing) }))
    rows.append(("mean logit margin", results.map { String(format: "%.2f", $0.masking.meanMargin) }))
    let first = rows.map(\.name.count).max() ?? 0
    let widths = results.indices.map { column in rows.map { $0.cells[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      row.name + String(repeating: " ", count: first - row.name.count)
        + zip(row.cells, widths).map { "  " + String(repeating: " ", count: $1 - $0.count) + $0 }.joined()
    }
    return ([head] + lines + results.flatMap(\.notes).map { "note: " + $0.printable }).joined(separator: "\n")
  }

  /// `transfer from runs/teacher`.
  private static func key(_ outcome: RobustnessTest.Outcome) -> String {
    outcome.source.map { "\(outcome.attack) from \($0)" } ?? outcome.attack
  }

  private static func percent(_ x: Double) -> String { String(format: "%.2f %%", x) }
  private static func distance(_ x: Double?) -> String { x.map { String(format: "%.4f", $0) } ?? "-" }
}

/// The same for other programs.
struct RobustnessSummary: Encodable {
  struct Attack: Encodable {
    let attack: String
    let source: String?
    let top1: Double
    let misread: Int
    let median_l2: Double?
  }

  struct Classifier: Encodable {
    let weights: String
    let clean_top1: Double
    let attacks: [Attack]
    let zero_gradient, vanishing_gradient, mean_margin, median_margin: Double
    let notes: [String]
  }

  let test: String
  let images: Int
  let epsilon, epsilon_l2: Double
  let steps, restarts: Int
  let classifiers: [Classifier]
  let skipped: Int
  let skipped_files: [SkippedEntry]
  let seconds: Double

  init(_ report: RobustnessText, skipped: [SkippedFile], seconds: Double) {
    (test, images, self.seconds) = (report.folder, report.images, seconds)
    (epsilon, epsilon_l2) = (report.options.epsilon, report.options.epsilonL2)
    (steps, restarts) = (report.options.steps, report.options.restarts)
    classifiers = report.results.map { result in
      Classifier(
        weights: result.name, clean_top1: result.clean,
        attacks: result.outcomes.map {
          Attack(
            attack: $0.attack, source: $0.source, top1: $0.accuracy, misread: $0.misread,
            median_l2: $0.medianDistance)
        }, zero_gradient: result.masking.zero, vanishing_gradient: result.masking.vanishing,
        mean_margin: result.masking.meanMargin, median_margin: result.masking.medianMargin,
        notes: result.notes)
    }
    (self.skipped, skipped_files) = (skipped.count, skipped.map(SkippedEntry.init))
  }
}
