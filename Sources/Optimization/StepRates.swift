/// The rates of one step.
public struct StepRates: Sendable, Equatable {
  /// The learning rate, after the batch-size rule.
  public var learningRate: Double
  /// The rate of the parameters that `ParameterRules.constantRates` names, in place of `learningRate`.
  public var constantRate: Double
  /// Multiplies the rate of the parameters that `ParameterRules.backbone` names; at 0 they are left alone.
  public var backboneRate: Double
  /// Of the parameters that are decayed.
  public var weightDecay: Double

  /// Rates; without others than the learning rate, that one holds for all.
  public init(
    learningRate: Double, constantRate: Double? = nil, backboneRate: Double = 1, weightDecay: Double
  ) {
    self.learningRate = learningRate
    self.constantRate = constantRate ?? learningRate
    self.backboneRate = backboneRate
    self.weightDecay = weightDecay
  }
}
