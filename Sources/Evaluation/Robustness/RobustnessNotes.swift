import Foundation

/// Says in words where accuracies under attack would be taken for more than they are.
enum RobustnessNotes {
  /// Shares of images, and differences of accuracies in points, that are worth a sentence (our choice).
  private static let share = 10.0, points = 5.0

  static func of(_ result: RobustnessTest.Result) -> [String] {
    let own = result.outcomes.filter { $0.source == nil }
    let foreign = result.outcomes.filter { $0.source != nil }
    func outcome(_ name: String) -> RobustnessTest.Outcome? { own.first { $0.attack == name } }
    var notes: [String] = []
    let masking = result.masking
    if masking.vanishing >= share {
      let others = ["pgd-margin", "pgd-margin-l2", "cw"].compactMap(outcome) + foreign
      let leave =
        others.isEmpty
        ? "pgd-margin and cw follow the logits and were not asked for"
        : "what follows the logits, or was made elsewhere, leaves "
          + others.map { "\(percent($0.accuracy)) (\(named($0)))" }.joined(separator: ", ")
      // A sign is taken of any number that is not 0, however small: only exact zeros stop FGSM and PGD altogether.
      let verdict =
        masking.zero >= share
        ? "FGSM and PGD by the loss gradient see nothing where it is 0: gradient masking, not robustness"
        : "FGSM and PGD still step by the sign of what is left of it, which in other hands rounds to 0: do not take what "
          + "they leave for robustness"
      notes.append(
        "\(result.name): the loss gradient vanishes beside the logits' on \(percent(masking.vanishing)) of the images told "
          + "right (exactly 0 on \(percent(masking.zero))); the own logit is ahead by \(number(masking.meanMargin)) on "
          + "average. \(verdict); \(leave)")
    }
    for (loss, margin) in [("pgd", "pgd-margin"), ("pgd-l2", "pgd-margin-l2")] {
      guard let blind = outcome(loss), let seeing = outcome(margin),
        blind.accuracy - seeing.accuracy >= points
      else { continue }
      notes.append(
        "\(result.name): within the same distance \(margin) leaves \(percent(seeing.accuracy)) where \(loss) leaves "
          + "\(percent(blind.accuracy)); the lower one counts")
    }
    for other in foreign {
      guard let pgd = outcome("pgd"), pgd.accuracy - other.accuracy >= points else { continue }
      notes.append(
        "\(result.name): images made on \(other.source ?? "another") leave \(percent(other.accuracy)), fewer than pgd by "
          + "its own loss gradient (\(percent(pgd.accuracy))): a sign of masked gradients")
    }
    return notes
  }

  private static func named(_ outcome: RobustnessTest.Outcome) -> String {
    outcome.source.map { "\(outcome.attack) from \($0)" } ?? outcome.attack
  }

  private static func number(_ x: Double) -> String { String(format: "%.1f", x) }
  private static func percent(_ x: Double) -> String { number(x) + " %" }
}
