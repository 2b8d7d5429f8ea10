import EmanateEvaluation
import Foundation

/// A teacher, its student, and the same student without a teacher, on the same test images.
struct DistillationComparison {
  let teacher, student: ClassifierJudgement
  let baseline: ClassifierJudgement?

  /// In how many of the images, in percent, a network tells the class that the teacher tells.
  func agreement(_ judgement: ClassifierJudgement?) -> Double? {
    guard let judgement, judgement.told.count == teacher.told.count else { return nil }
    let alike = zip(judgement.told, teacher.told).count { $0 == $1 }
    return 100 * Double(alike) / Double(max(1, teacher.told.count))
  }

  /// A line for each; a student more than 3 points below its teacher is marked.
  var text: String {
    var rows = [("teacher", teacher), ("student", student)]
    if let baseline { rows.insert(("baseline", baseline), at: 1) }
    let head = "            top-1    top-5   calibration  parameters  ms alone  like the teacher"
    let lines = rows.map { name, row in
      String(
        format: "%@%6.2f %%  %6.2f %%       %.4f  %10ld  %8.2f  %14.2f %%",
        name.padding(toLength: 10, withPad: " ", startingAt: 0), row.report.accuracy.top1,
        row.report.accuracy.top5, row.report.calibrationError, row.parameters, row.latency,
        agreement(row) ?? 0)
    }
    let gap = teacher.report.accuracy.top1 - student.report.accuracy.top1
    var notes = [
      String(
        format: "teacher - student: %.2f points%@", gap,
        gap > 3 ? " (more than 3: the student falls short)" : "")
    ]
    if let baseline {
      notes.append(
        String(
          format: "student - baseline: %.2f points, one seed",
          student.report.accuracy.top1 - baseline.report.accuracy.top1))
    }
    return ([head] + lines + notes).joined(separator: "\n")
  }
}
