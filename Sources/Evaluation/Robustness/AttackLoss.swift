import EmanateKernels
import EmanateTensors

/// What an attack climbs: a number for each image that grows as its own class loses.
public enum AttackLoss: Sendable {
  /// −ln p(own class), the loss of training. Its gradient is p − 1 and p in float32, as every framework has it: nothing is
  /// left of it where the softmax saturates.
  case crossEntropy
  /// The greatest other logit minus that of the own class (Carlini and Wagner 2017, arXiv:1608.04644, f₆), which cannot
  /// saturate; above 0 the image is taken for another class.
  case margin

  /// logits: [B, C], labels: B classes -> ∂loss/∂logits [B, C] of every image's own loss.
  public func slopes(_ logits: Tensor, _ labels: [Int]) -> Tensor {
    let classes = logits.shape[1]
    let values = logits.array
    var slopes = [Float](repeating: 0, count: values.count)
    for (row, label) in labels.enumerated() {
      let start = row * classes
      switch self {
      case .crossEntropy:
        let scores = values[start..<start + classes]
        let greatest = scores.max() ?? 0
        let powers = scores.map { Float(exponential(Double($0 - greatest))) }
        let total = powers.reduce(0, +)
        for (place, power) in powers.enumerated() { slopes[start + place] = power / total }
        slopes[start + label] -= 1
      case .margin:
        slopes[start + label] = -1
        slopes[start + Self.rival(of: label, in: values, from: start, classes: classes)] = 1
      }
    }
    return Tensor(slopes, logits.shape)
  }

  /// The margin of every row: the greatest other logit minus the own one, and minus `slack` times the greatest logit.
  public static func margins(_ logits: Tensor, _ labels: [Int], slack: Float = 0) -> [Float] {
    let classes = logits.shape[1]
    let values = logits.array
    return labels.enumerated().map { row, label in
      let start = row * classes
      let (own, other) = (
        values[start + label],
        values[start + rival(of: label, in: values, from: start, classes: classes)]
      )
      return other - own - slack * max(abs(other), abs(own))
    }
  }

  /// What rounding may do to a logit when the same image goes through the network in another batch (our choice): an attack
  /// that stops at the very border would be told right again.
  static let rounding: Float = 1e-5

  /// The class with the greatest logit among the others; the first of equals.
  private static func rival(of label: Int, in values: [Float], from start: Int, classes: Int) -> Int {
    precondition(
      0..<classes ~= label && classes >= 2, "AttackLoss: class \(label) of \(classes); two are needed")
    var best = label == 0 ? 1 : 0
    for place in 0..<classes where place != label && values[start + place] > values[start + best] {
      best = place
    }
    return best
  }
}
