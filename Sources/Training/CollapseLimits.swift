import EmanateEvaluation
import EmanateKernels
import EmanateObjectives

/// The limits that the watch over collapse goes by, with the reason for each; all are our choice.
///
/// Measured on runs of tiny networks that were made to collapse and on their healthy controls (see `CollapseTests`):
///
/// | measure | healthy | collapsed |
/// |---|---|---|
/// | information of the targets over ln(min(rows, K)) | 0.15 to 0.7 | 0 to 0.005 |
/// | deviation of features | 0.45 to 0.95 | 0.01 to 0.06 |
/// | effective rank of features or projections | 3.3 to 13 | 1.0 to 1.9 |
///
/// A rank of centered features would not do: of collapsed ones, where only noise is left, it stays at 10.
public struct CollapseLimits: Sendable, Hashable {
  /// No collapse is found before so many steps: a new network's features lie close together, and once the center has
  /// followed them the targets tell nothing and are flat, as in a collapse.
  public var steps = 20
  /// Uniform targets of a run whose loss has not left its start are no collapse before so many steps: DINO's loss stays
  /// near ln K for a while before it falls, with targets just as flat.
  public var plateauSteps = 20
  /// The loss has left its start when its average has moved by this share of the first loss (of 1 if that is less):
  /// more than batches differ by.
  public var lossMoved = 0.02
  /// Targets tell nothing of their image below this share of what they could tell, ln(min(rows, K)).
  public var information = 0.03
  /// Of targets that tell nothing, those with this share of ln K as entropy and as loss are uniform; others are the same
  /// few prototypes for all. With K = 65,536 it is e times fewer prototypes than there are.
  public var uniform = 0.9
  /// Features are all the same below this deviation: a tenth of a sphere's.
  public var deviation = 0.1
  /// Or below this effective rank: their mean takes one direction, and what differs between images has less than one.
  public var rank = 2.0
  /// The rank is judged where it could be so much.
  public var leastRank = 8

  /// Limits that wait 20 steps.
  public init() {}

  /// Limits for a run of `steps` steps: nothing is said in its first twentieth, 20 steps at least and 1,000 at most, and
  /// a plateau may take a quarter of it.
  public init(runOf steps: Int) {
    self.steps = min(1000, max(20, steps / 20))
    plateauSteps = max(20, steps / 4)
  }

  /// What one look says; targets come first, because what they tell points to a setting.
  func verdict(
    steps: Int, state: CollapseWatch.State, targets: TargetStatistics?, spreads: [FeatureSpread]
  ) -> CollapseWatch.Verdict {
    guard let loss = state.loss, steps >= self.steps else { return .notStarted }
    if let targets {
      let (most, row) = (logarithm(Double(targets.prototypes)), logarithm(Double(targets.favourites.count)))
      if targets.information < information * min(most, row) {
        guard targets.meanEntropy > uniform * most && loss > uniform * most else { return .oneHot }
        return state.hasMoved || steps >= plateauSteps ? .uniform : .notStarted
      }
    }
    let isFlat = spreads.contains {
      $0.deviation < deviation || ($0.greatestRank >= leastRank && $0.effectiveRank < rank)
    }
    return isFlat ? .dimensional : state.hasMoved ? .healthy : .notStarted
  }
}
