import EmanateAutograd
import EmanateTensors

/// What a shallow classifier of a network learns from the labels and from the deepest one (be your own teacher, Zhang et
/// al. 2019, arXiv:1905.08094, section 3.2).
///
/// (1 − α) · cross-entropy + α · T² KL(deepest ‖ shallow) + λ · squared difference of their features, the mean over
/// elements, where the paper has the sum. The deepest classifier is a constant, as in the authors' code.
public struct ShallowClassifierLoss: Sendable {
  /// The share of the deepest classifier's probabilities, α; labels have the rest.
  public let share: Float
  /// The weight of the features, λ.
  public let hint: Float
  /// What both sides' logits are divided by, T.
  public let temperature: Float
  /// The labels' loss.
  public let labelsLoss: SmoothedCrossEntropy

  /// α in 0...1, λ of at least 0, T above 0.
  public init(
    share: Float = 0.3, hint: Float = 0.03, temperature: Float = 3,
    labelsLoss: SmoothedCrossEntropy = SmoothedCrossEntropy(0)
  ) {
    precondition(
      0...1 ~= share && hint >= 0 && temperature > 0,
      "ShallowClassifierLoss: share \(share), hint \(hint), temperature \(temperature)")
    (self.share, self.hint, self.temperature) = (share, hint, temperature)
    self.labelsLoss = labelsLoss
  }

  /// A classifier's logits [N, C] and the features they are made of, [N, D].
  public typealias Outputs<Numbers> = (logits: Numbers, features: Numbers)

  /// shallow, deepest: logits [N, C] and features [N, D] of both, labels: N classes -> [1].
  public func callAsFunction(shallow: Outputs<Variable>, deepest: Outputs<Tensor>, labels: [Int]) -> Variable
  {
    var parts: [(weight: Float, loss: Variable)] = []
    if share < 1 { parts.append((1 - share, labelsLoss(shallow.logits, labels: labels))) }
    if share > 0 {
      let soft = DistillationLoss(temperature: temperature)
      parts.append((share, soft(student: shallow.logits, teacher: deepest.logits)))
    }
    if hint > 0 { parts.append((hint, HintLoss()(student: shallow.features, teacher: deepest.features))) }
    let weighted = parts.map { weightedSum($0.loss, weights: Tensor([$0.weight], [1])) }
    return weighted.dropFirst().reduce(weighted[0]) { add($0, $1) }
  }
}
