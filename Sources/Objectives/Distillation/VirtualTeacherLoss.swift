import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Distillation without a teacher, Tf-KD_reg (Yuan et al. 2020, arXiv:1909.11723, section 4.2, eq. 10 and 11): a made
/// teacher gives the true class the probability a, each other one (1 − a)/(K − 1), and both sides are softened.
///
/// T² KL(p_T ‖ student at T), where p_T is proportional to p^(1/T): what a teacher with the logits ln p would say at the
/// temperature. The authors' code divides the probabilities themselves by T before a softmax, which is nearly uniform
/// whatever a is, and leaves the student at temperature 1; the paper's formula softens both. T² keeps the gradient's
/// size, as in `DistillationLoss`; the paper leaves it to the weight.
public struct VirtualTeacherLoss: Sendable {
  /// The probability of the true class before softening, a.
  public let probability: Float
  /// What logits are divided by, T.
  public let temperature: Float

  /// A probability above 0 and below 1, and a temperature; the paper has a of 0.9 and more, and T of 20 and more.
  public init(probability: Float = 0.99, temperature: Float = 20) {
    precondition(
      probability > 0 && probability < 1 && temperature > 0,
      "VirtualTeacherLoss: probability \(probability), temperature \(temperature)")
    (self.probability, self.temperature) = (probability, temperature)
  }

  /// logits: [N, K], labels: N classes -> [1], the mean over rows, in nats; K is at least 2.
  public func callAsFunction(_ logits: Variable, labels: [Int]) -> Variable {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    precondition(
      labels.count == rows && classes >= 2 && labels.allSatisfy { 0..<classes ~= $0 },
      "VirtualTeacherLoss: logits \(logits.shape), \(labels.count) labels up to \(labels.max() ?? 0)")
    let (own, other) = shares(classes: classes)
    var targets = [Float](repeating: other, count: rows * classes)
    for (row, label) in labels.enumerated() { targets[row * classes + label] = own }
    return DistillationLoss(temperature: temperature)(
      student: logits, probabilities: Tensor(targets, [rows, classes]))
  }

  /// The softened probabilities of the true class and of each other one.
  package func shares(classes: Int) -> (own: Float, other: Float) {
    let (a, others) = (Double(probability), Double(classes - 1))
    // The others' softened share over the true class's.
    let ratio = exponential((logarithm((1 - a) / others) - logarithm(a)) / Double(temperature))
    return (Float(1 / (1 + others * ratio)), Float(ratio / (1 + others * ratio)))
  }
}
