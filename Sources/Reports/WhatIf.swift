import EmanateConfiguration
import EmanateOptimization
import Foundation

/// What a change of batch, length or any other setting does to a run's teacher, and the momentum that undoes it.
public struct WhatIf: Encodable, Sendable {
  /// A run's teacher in figures.
  public struct Figures: Encodable, Sendable {
    /// Images a step, steps, steps an epoch.
    public let batchSize, steps, stepsPerEpoch: Int
    /// The greatest learning rate, after the batch-size rule.
    public let peakLearningRate: Double
    /// The teacher's momentum at the first step.
    public let momentum: Double
    /// Its half-life then; nil where the teacher never moves.
    public let halfLifeSteps, halfLifeImages, halfLifeEpochs: Double?
    /// The half-life in percent of the run.
    public let halfLifeShare: Double?
    /// The mean age of the students in the teacher in the middle of the run, in steps and in images.
    public let meanAgeSteps, meanAgeImages: Double

    enum CodingKeys: String, CodingKey {
      case batchSize = "batch_size"
      case steps
      case stepsPerEpoch = "steps_per_epoch"
      case peakLearningRate = "peak_learning_rate"
      case momentum
      case halfLifeSteps = "half_life_steps"
      case halfLifeImages = "half_life_images"
      case halfLifeEpochs = "half_life_epochs"
      case halfLifeShare = "half_life_percent_of_run"
      case meanAgeSteps = "mean_age_steps"
      case meanAgeImages = "mean_age_images"
    }

    init(_ plan: TrainingPlan) {
      (batchSize, steps, stepsPerEpoch) = (plan.batchSize, plan.steps, plan.stepsPerEpoch)
      (peakLearningRate, momentum) = (plan.peakLearningRate, plan.teacherMomentum(0))
      let half = EMAHalfLife(
        momentum: momentum, stepsPerEpoch: plan.stepsPerEpoch, batchSize: plan.batchSize)
      func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
      (halfLifeSteps, halfLifeImages) = (finite(half.steps), finite(half.images))
      halfLifeEpochs = finite(half.epochs)
      halfLifeShare = finite(100 * half.steps / Double(plan.steps))
      meanAgeSteps = plan.teacherMomentum.meanAges(at: [plan.steps / 2])[0]
      meanAgeImages = meanAgeSteps * Double(plan.batchSize)
    }
  }

  /// The run, and the change as it was given.
  public let run, change: String
  /// The teacher without the change and with it.
  public let before, after: Figures
  /// The momentum under the change that keeps the half-life in images; nil where there is none to keep.
  public let momentumKeepingImages: Double?
  /// The momentum under the change that keeps the half-life as a share of the run.
  public let momentumKeepingShare: Double?
  /// Whether `ema.halfLifeImages` keeps the half-life whatever the batch.
  public let isKept: Bool

  enum CodingKeys: String, CodingKey {
    case run, change, before, after
    case momentumKeepingImages = "momentum_keeping_images"
    case momentumKeepingShare = "momentum_keeping_share"
    case isKept = "half_life_images_set"
  }

  /// Compares a plan with what becomes of it.
  public init(
    run: String, change: String, before: TrainingPlan, after: TrainingPlan, setsHalfLife: Bool = false
  ) {
    (self.run, self.change, isKept) = (run, change, setsHalfLife)
    (self.before, self.after) = (Figures(before), Figures(after))
    let momentum = self.before.momentum
    let hasMemory = momentum > 0 && momentum < 1
    momentumKeepingImages =
      hasMemory ? EMAHalfLife.momentum(momentum, ofBatch: before.batchSize, forBatch: after.batchSize) : nil
    momentumKeepingShare =
      hasMemory
      ? EMAHalfLife.momentum(momentum, halfLifeTimes: Double(after.steps) / Double(before.steps)) : nil
  }

  /// Short names for the settings that are asked for most: `batch`, `epochs`, `steps`, `momentum`.
  public static let names = [
    "batch": "training.batchSize", "epochs": "training.epochs", "steps": "training.steps",
    "momentum": "ema.momentum",
  ]

  /// A change as a setting: `batch=64` is `training.batchSize=64`. `images=N` is none, it is about the data.
  public static func setting(_ change: String) -> String {
    let parts = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let path = names[String(parts[0])] else { return change }
    return "\(path)=\(parts[1])"
  }

  /// Before and after as a table, and the settings that undo what the change did to the teacher.
  public var text: String {
    func size(_ value: Double?) -> String { NumberText.size(value ?? .infinity) }
    func percent(_ value: Double?) -> String { value.map { NumberText.short($0, digits: 3) + " %" } ?? "∞" }
    let rows = [
      ["", "before", "after"],
      ["images a step", NumberText.grouped(before.batchSize), NumberText.grouped(after.batchSize)],
      ["steps", NumberText.grouped(before.steps), NumberText.grouped(after.steps)],
      [
        "peak learning rate", NumberText.short(before.peakLearningRate),
        NumberText.short(after.peakLearningRate),
      ],
      ["teacher's momentum at first", NumberText.short(before.momentum), NumberText.short(after.momentum)],
      ["its half-life in steps", size(before.halfLifeSteps), size(after.halfLifeSteps)],
      ["in images", size(before.halfLifeImages), size(after.halfLifeImages)],
      ["in epochs", size(before.halfLifeEpochs), size(after.halfLifeEpochs)],
      ["of the run", percent(before.halfLifeShare), percent(after.halfLifeShare)],
      [
        "mean age in the middle, in images", NumberText.size(before.meanAgeImages),
        NumberText.size(after.meanAgeImages),
      ],
    ]
    return (["\(run), if \(change):"] + aligned(rows, leftColumns: [0]) + advice.map { "  " + $0 }).joined(
      separator: "\n")
  }

  private var advice: [String] {
    guard let images = before.halfLifeImages, let keeping = momentumKeepingImages,
      let share = momentumKeepingShare
    else { return ["The teacher has no half-life to keep: its momentum at first is \(before.momentum)."] }
    func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 }
    var lines: [String] = []
    let text = NumberText.grouped(Int(images.rounded()))
    if isKept {
      lines.append("ema.halfLifeImages keeps the half-life of \(text) images.")
    } else if isClose(keeping, after.momentum) {
      lines.append("The half-life of \(text) images stays as it is.")
    } else {
      lines.append(
        "--set ema.momentum=\(Self.momentum(keeping)) keeps the half-life of \(text) images; "
          + "--set ema.halfLifeImages=\(Int(images.rounded())) keeps it for any batch.")
    }
    // Whole steps make the two differ in their last digits where they mean the same.
    let isSame = abs((1 - share) / (1 - keeping) - 1) < 0.01
    if !isClose(share, after.momentum) && !isSame {
      lines.append(
        "--set ema.momentum=\(Self.momentum(share)) keeps it at \(percentText) % of the run.")
    }
    return lines
  }

  private var percentText: String { NumberText.short(before.halfLifeShare ?? 0, digits: 3) }

  /// Six digits of what is missing to 1, which is what counts.
  private static func momentum(_ value: Double) -> String {
    let rest = 1 - value
    let digits = rest > 0 && rest < 0.1 ? Int((-log10(rest)).rounded(.up)) + 4 : 6
    var text = String(format: "%.\(min(15, digits))f", value)
    while text.contains(".") && text.hasSuffix("0") { text.removeLast() }
    return text
  }
}
