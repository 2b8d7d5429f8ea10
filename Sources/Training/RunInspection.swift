import EmanateConfiguration
import EmanateInterchange
import EmanateMethods
import Foundation

/// What a run's `metrics.jsonl` says about how it went, in sentences.
public struct RunInspection: Sendable {
  /// Steps that the metrics know of.
  public let steps: Int
  /// What the watch over collapse said last; nil if the run was not watched or has not been looked at.
  public let verdict: CollapseWatch.Verdict?
  /// What to change for another run, the likeliest cure first; empty where nothing is wrong or it is too early to say.
  public let changes: [SettingChange]
  /// A sentence each: the loss, every change of the verdict with the setting behind it, the last measures.
  public let findings: [String]
  /// Whether the run learns from labels or from teachers, so that nobody looks for collapse.
  public let isLabelled: Bool
  /// The best look at the images held out; nil where none are, or before the first look.
  public let best: Validation.State.Look?

  /// Reads a run's metrics, and its settings if they are there; a torn last line is left out.
  ///
  /// - Throws: `TrainingError.file` if there are no metrics to read.
  public init(_ run: RunFolder) throws(TrainingError) {
    let text: String
    do {
      text = try String(contentsOfFile: run.metrics, encoding: .utf8)
    } catch {
      throw .file(FileFailure(path: run.metrics, action: "read", reason: error.localizedDescription))
    }
    let lines = text.split(separator: "\n").compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]).flatMap(Line.init)
    }
    let settings = (try? run.savedConfiguration()) ?? ExperimentConfiguration()
    steps = lines.last.map { $0.step + 1 } ?? 0
    verdict = lines.last { $0.verdict != nil }?.verdict
    isLabelled = MethodRegistry.entry(named: settings.method)?.kind == .labelled
    let looks = Self.looks(lines, run)
    best = looks.max { ($0.top1, -$0.loss, -$0.done) < ($1.top1, -$1.loss, -$1.done) }
    findings =
      Self.loss(lines) + Self.changes(lines, settings) + Self.targets(lines) + Self.features(lines)
      + Self.votes(lines) + Self.heldOut(looks, best, settings)
    let isEarly = verdict == .notStarted && steps <= Self.silentSteps(run, settings)
    changes = isEarly ? [] : verdict?.changes(settings) ?? []
  }

  /// For how many steps the watch says nothing, as far as the run's length is known.
  private static func silentSteps(_ run: RunFolder, _ settings: ExperimentConfiguration) -> Int {
    let images = run.newestCheckpoint.flatMap { try? Checkpoint.state(at: $0) }?.images
    let planned =
      settings.training.steps.value
      ?? images.flatMap { try? TrainingPlan(settings, images: $0) }?.steps
    return planned.map { CollapseLimits(runOf: $0).steps } ?? 1000
  }

  /// What the run is, in a line.
  public var summary: String {
    if let verdict { return verdict.summary }
    if !isLabelled { return "unknown: nobody has looked for collapse" }
    guard let best else { return "learns from labels or teachers; no images held out have told yet how well" }
    return String(
      format: "learns from labels or teachers: %.2f %% of the images held out at best, after %ld steps",
      best.top1, best.done)
  }

  /// Every look at the images held out that is known: those in the metrics, and the last one in the newest checkpoint,
  /// which no later step's line has.
  private static func looks(_ lines: [Line], _ run: RunFolder) -> [Validation.State.Look] {
    var looks = lines.compactMap { line in
      line.numbers["validationTop1"].map {
        Validation.State.Look(done: line.step, top1: $0, loss: line.numbers["validationLoss"] ?? .nan)
      }
    }
    if let state = run.newestCheckpoint.flatMap({ try? Checkpoint.state(at: $0) })?.validation,
      state.last.done > looks.last?.done ?? 0
    {
      looks.append(state.last)
    }
    return looks
  }

  private static func heldOut(
    _ looks: [Validation.State.Look], _ best: Validation.State.Look?, _ settings: ExperimentConfiguration
  ) -> [String] {
    guard let first = looks.first, let last = looks.last, let best,
      let share = settings.validation.share.value
    else { return [] }
    return [
      "held out (\(short(100 * share)) % of each class): \(short(first.top1)) % after \(first.done) steps, "
        + "\(short(last.top1)) % after \(last.done), best \(short(best.top1)) % after \(best.done), loss "
        + short(best.loss)
    ]
  }

  /// A line of the metrics.
  private struct Line {
    let step: Int
    let numbers: [String: Double]
    let verdict: CollapseWatch.Verdict?

    init?(_ object: [String: Any]) {
      guard let step = object["step"] as? Int else { return nil }
      self.step = step
      numbers = object.compactMapValues { $0 as? Double }
      verdict = (object["collapse"] as? String).flatMap(CollapseWatch.Verdict.init)
    }
  }

  private static func short(_ number: Double) -> String { String(format: "%.4g", number) }

  private static func loss(_ lines: [Line]) -> [String] {
    let losses = lines.compactMap { line in line.numbers["loss"].map { (line.step, $0) } }
    guard let first = losses.first, let last = losses.last, let least = losses.min(by: { $0.1 < $1.1 }) else {
      return ["no step is done yet"]
    }
    return [
      "loss \(short(first.1)) at step \(first.0), \(short(last.1)) at step \(last.0), least \(short(least.1)) at "
        + "step \(least.0)"
    ]
  }

  /// Changes of the verdict, the first one from `notStarted`.
  private static func changes(_ lines: [Line], _ settings: ExperimentConfiguration) -> [String] {
    var (known, findings) = (CollapseWatch.Verdict.notStarted, [String]())
    for line in lines {
      guard let verdict = line.verdict, verdict != known else { continue }
      known = verdict
      findings.append(
        "step \(line.step): \(verdict.summary)" + (verdict.advice(settings).map { "; \($0)" } ?? ""))
    }
    return findings
  }

  private static func targets(_ lines: [Line]) -> [String] {
    guard let numbers = lines.last?.numbers, let entropy = numbers["teacherEntropy"],
      let mean = numbers["meanTargetEntropy"], let divergence = numbers["teacherStudentKL"],
      let ratio = numbers["lossOverLogPrototypes"]
    else { return [] }
    var text =
      "targets: loss \(short(ratio)) ln K, entropy \(short(entropy)), of their mean \(short(mean)), student "
      + "\(short(divergence)) behind"
    if let used = numbers["prototypesUsed"] { text += ", \(short(100 * used)) % of the prototypes used" }
    return [text]
  }

  private static func features(_ lines: [Line]) -> [String] {
    [("student", "student's features"), ("teacher", "teacher's features"), ("projection", "projections")]
      .compactMap {
        name, words in
        guard let line = lines.last(where: { $0.numbers[name + "Deviation"] != nil }),
          let deviation = line.numbers[name + "Deviation"], let rank = line.numbers[name + "Rank"]
        else { return nil }
        return "\(words) at step \(line.step): deviation \(short(deviation)) (1 on a sphere, 0 collapsed), "
          + "effective rank \(short(rank))"
      }
  }

  private static func votes(_ lines: [Line]) -> [String] {
    let votes = lines.compactMap { line in line.numbers["knnTop1"].map { (line.step, $0) } }
    guard let first = votes.first, let last = votes.last, let best = votes.max(by: { $0.1 < $1.1 }) else {
      return []
    }
    return [
      "nearest neighbours: \(short(first.1)) % at step \(first.0), \(short(last.1)) % at step \(last.0), best "
        + "\(short(best.1)) % at step \(best.0)"
    ]
  }
}
