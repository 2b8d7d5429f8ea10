import EmanateEvaluation
import EmanateMethods
import EmanateObjectives
import EmanateTensors
import Foundation

/// Watches a run for collapse: every step at what the loss knows anyway, now and then at the features.
///
/// What it says follows from the steps it was shown and from `state`, which a checkpoint keeps.
public struct CollapseWatch: Sendable {
  /// What has become of a run.
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    /// Too early to say, or the loss has not left its start.
    case notStarted
    /// No sign of collapse.
    case healthy
    /// Every image gets all prototypes alike.
    case uniform
    /// Every image gets the same target: one prototype, or the same few.
    case oneHot
    /// The features of all images lie in hardly any direction of their own.
    case dimensional

    /// Whether nothing more can be learned.
    public var isCollapse: Bool { [.uniform, .oneHot, .dimensional].contains(self) }
  }

  /// What a checkpoint keeps.
  public struct State: Codable, Equatable, Sendable {
    /// What two looks in a row have said last.
    public var verdict = Verdict.notStarted
    /// What the last look said.
    public var seen = Verdict.notStarted
    /// The loss of the first step, and its moving average over about ten steps.
    public var firstLoss, loss: Double?
    /// Whether the loss has left its start.
    public var hasMoved = false
    /// The prototypes that the latest targets favour, oldest first.
    public var favourites: [Int] = []

    /// Nothing seen yet.
    public init() {}
  }

  /// What a look found.
  public struct Look: Sendable {
    /// The student's and the teacher's features of the last batch and the student's projections; nil where the method
    /// shows none.
    public let student, teacher, projections: FeatureSpread?
    /// What this look alone says.
    public let seen: Verdict
    /// Before the look and after it; another one only if two looks in a row say so.
    public let before, after: Verdict
  }

  /// The limits that the verdict goes by.
  public let limits: CollapseLimits
  /// What a checkpoint keeps.
  public private(set) var state: State
  private var outputs = MethodOutputs()

  /// How many targets `prototypesUsed` looks back at; our choice.
  public static let window = 1024

  /// A watch at its beginning, or where a checkpoint left it.
  public init(limits: CollapseLimits = CollapseLimits(), state: State = State()) {
    (self.limits, self.state) = (limits, state)
  }

  /// Takes note of a step; costs a few microseconds.
  public mutating func note(loss: Double, outputs: MethodOutputs) {
    self.outputs = outputs
    let loss = outputs.targetLoss ?? loss
    state.firstLoss = state.firstLoss ?? loss
    state.loss = (state.loss ?? loss) * 0.9 + loss * 0.1
    if let first = state.firstLoss, let average = state.loss {
      state.hasMoved = state.hasMoved || abs(average - first) >= limits.lossMoved * max(1, abs(first))
    }
    if let targets = outputs.targets {
      state.favourites = Array((state.favourites + targets.favourites).suffix(Self.window))
    }
  }

  /// Of the prototypes that the latest 1,024 targets could favour (as many as there are targets, or all), the share
  /// that one of them does; nil without prototypes.
  public var prototypesUsed: Double? {
    guard let targets = outputs.targets, !state.favourites.isEmpty else { return nil }
    return Double(Set(state.favourites).count) / Double(min(targets.prototypes, state.favourites.count))
  }

  /// Looks at the last step's features; `steps` have been done.
  public mutating func look(steps: Int) -> Look {
    func spread(_ features: Tensor?) -> FeatureSpread? {
      features.flatMap { $0.shape[0] >= 2 ? FeatureSpread(of: $0) : nil }
    }
    let (student, teacher) = (spread(outputs.student), spread(outputs.teacher))
    let projections = spread(outputs.projections)
    let (before, last) = (state.verdict, state.seen)
    state.seen = limits.verdict(
      steps: steps, state: state, targets: outputs.targets,
      spreads: [student, teacher, projections].compactMap { $0 })
    if state.seen == last { state.verdict = state.seen }
    return Look(
      student: student, teacher: teacher, projections: projections, seen: state.seen, before: before,
      after: state.verdict)
  }
}
