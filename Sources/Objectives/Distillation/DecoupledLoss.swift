import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Decoupled distillation (Zhao et al. 2022, arXiv:2203.08679, section 3, eq. 7): the divergence of (true
/// class, all others) and the divergence among the others, each with its own weight.
///
/// T² (α KL(b_t ‖ b_s) + β KL(p̂_t ‖ p̂_s)), where b is the probability of the true class and of the rest
/// and p̂ the softmax of the other classes alone. With α = 1 and β = 1 − p_t(true class) it would be
/// Hinton's loss.
public struct DecoupledLoss: Sendable {
  /// The weight of the true class against the rest.
  public let alpha: Float
  /// The weight of the rest among themselves.
  public let beta: Float
  /// What both sides' logits are divided by, T.
  public let temperature: Float

  /// The paper's weights on CIFAR-100; on ImageNet it takes α 1, β 0.5 and T 1.
  public init(alpha: Float = 1, beta: Float = 8, temperature: Float = 4) {
    precondition(temperature > 0, "DecoupledLoss: temperature \(temperature); above 0 is needed")
    (self.alpha, self.beta, self.temperature) = (alpha, beta, temperature)
  }

  /// student, teacher: [N, C] logits, labels: N classes -> [1], the mean over rows, in nats; C is at least
  /// 2. The teacher is a constant.
  public func callAsFunction(student: Variable, teacher: Tensor, labels: [Int]) -> Variable {
    checkLogits("DecoupledLoss", student, teacher)
    let (rows, classes) = (student.shape[0], student.shape[1])
    precondition(
      labels.count == rows && classes >= 2 && labels.allSatisfy { 0..<classes ~= $0 },
      "DecoupledLoss: student \(student.shape), \(labels.count) labels up to \(labels.max() ?? 0)")
    let (temperature, alpha, beta) = (Double(temperature), Double(alpha), Double(beta))
    let scale = temperature * temperature
    return meanOverRows(student, name: "decoupled loss", scratch: 4 * classes) { row, x, scratch, slopes in
      let label = labels[row]
      let s = Parts(x, label, classes, temperature, scratch)
      let t = Parts(teacher.pointer + row * classes, label, classes, temperature, scratch + 2 * classes)
      let binary =
        t.own * (t.logOwn - s.logOwn) + t.rest * (t.logRest - s.logRest)
      for i in 0..<classes - 1 {
        let place = i < label ? i : i + 1
        slopes[place] =
          scale / temperature
          * (beta * (s.others.shares[i] - t.others.shares[i]) - alpha * (s.own - t.own) * s.others.shares[i])
      }
      slopes[label] = scale / temperature * alpha * (s.own - t.own)
      return scale * (alpha * binary + beta * t.others.divergence(to: s.others))
    }
  }

  /// A row's probabilities: of the true class, of the rest together, and of the others without the true
  /// class.
  private struct Parts {
    let others: SoftRow
    let own, rest, logOwn, logRest: Double

    init(
      _ x: UnsafePointer<Float>, _ label: Int, _ classes: Int, _ temperature: Double,
      _ scratch: UnsafeMutablePointer<Double>
    ) {
      let all = SoftRow(x, factor: 1 / temperature, count: classes, in: scratch)
      // ln of the others' sum, from their greatest on, where 1 − p would lose a small rest.
      var top = -Double.infinity
      for i in 0..<classes where i != label { top = max(top, all.logs[i]) }
      var sum = 0.0
      for i in 0..<classes where i != label { sum += exponential(all.logs[i] - top) }
      (logOwn, logRest) = (all.logs[label], top + logarithm(sum))
      (own, rest) = (exponential(logOwn), exponential(logRest))
      // The others move together, in place, and become a distribution of their own.
      for i in 0..<classes - 1 { scratch[i] = all.logs[i < label ? i : i + 1] - logRest }
      for i in 0..<classes - 1 { scratch[classes - 1 + i] = exponential(scratch[i]) }
      others = SoftRow(logs: scratch, shares: scratch + classes - 1, count: classes - 1)
    }
  }
}
