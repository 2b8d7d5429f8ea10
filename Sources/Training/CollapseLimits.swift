import EmanateEvaluation
import EmanateKernels
import EmanateObjectives

/// The limits that the watch over collapse goes by, with the reason for each; all are our choice.
///
/// Measured on tiny networks that were made to collapse and their healthy controls (`CollapseTests`), and on runs of
/// `pretrain/dino-fashion`, which are healthy and yet pass a plateau near ln K after some ten to hundred steps:
///
/// | measure | healthy | plateau | collapsed |
/// |---|---|---|---|
/// | information of the targets over ln(min(rows, K)) | 0.13 to 0.7 | 0.02 to 0.06 | 0 to 0.005 |
/// | ln K less the targets' entropy, nats | 0.5 and more | 0.10 to 0.6 | uniform: 0 to 0.03 |
/// | deviation of features | 0.4 to 0.95 | 0.34 to 0.45 | 0.01 to 0.06 |
/// | effective rank of features or projections | 3.1 to 13 | 3.2 to 3.9 | 1.0 to 1.9 |
///
/// A rank of centered features would not do: of collapsed ones, where only noise is left, it stays at 10.
public struct CollapseLimits: Sendable, Hashable {
  /// No collapse is found before so many steps: a new network's features lie close together, and once the center has
  /// followed them the targets tell little and are flat, as in a collapse.
  public var steps = 20
  /// The loss has left its start when its average has moved by this share of the first loss (of 1 if that is less):
  /// more than batches differ by.
  public var lossMoved = 0.02
  /// Targets tell nothing of their image below this share of what they could tell, ln(min(rows, K)).
  public var information = 0.03
  /// Of targets that tell nothing, those are uniform whose entropy is less than so many nats below ln K, and the loss
  /// no lower: half of the least that a plateau has shown.
  public var uniform = 0.05
  /// And those are the same for all images whose mean has an entropy below this share of ln K; what lies between is a
  /// plateau.
  public var same = 0.9
  /// Features are all the same below this deviation: a tenth of a sphere's.
  public var deviation = 0.1
  /// And below this they are one and the same: whatever targets are made of them say nothing either, so features are the
  /// cause. Where targets are, they leave more (the table).
  public var identical = 0.001
  /// Or below this effective rank: their mean takes one direction, and what differs between images has less than one.
  public var rank = 2.0
  /// The rank is judged where it could be so much.
  public var leastRank = 8

  /// Limits that wait 20 steps.
  public init() {}

  /// Limits for a run of `steps` steps: nothing is said in its first tenth, 20 steps at least and 1,000 at most.
  public init(runOf steps: Int) { self.steps = min(1000, max(20, steps / 10)) }

  /// What one look says; targets come first, because what they tell points to a setting, unless there are no features left to
  /// make them of.
  func verdict(
    steps: Int, state: CollapseWatch.State, targets: TargetStatistics?, spreads: [FeatureSpread]
  ) -> CollapseWatch.Verdict {
    guard let loss = state.loss, steps >= self.steps else { return .notStarted }
    if spreads.contains(where: { $0.deviation < identical }) { return .dimensional }
    if let targets {
      let (most, row) = (logarithm(Double(targets.prototypes)), logarithm(Double(targets.favourites.count)))
      if targets.information < information * min(most, row) {
        if targets.meanEntropy > most - uniform && loss > most - uniform { return .uniform }
        if targets.entropyOfMean < same * most { return .oneHot }
      }
    }
    let isFlat = spreads.contains {
      $0.deviation < deviation || ($0.greatestRank >= leastRank && $0.effectiveRank < rank)
    }
    return isFlat ? .dimensional : state.hasMoved ? .healthy : .notStarted
  }
}
