import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Correlation congruence (Peng et al. 2019, arXiv:1904.01802, section 3.3): the correlations of a batch's
/// images, by a Gaussian kernel, are the same for student and teacher.
///
/// ‖C_s − C_t‖²/N² with C_ij = e^(−2γ) Σ_p (2γ)^p/p! · cos^p, the Taylor series of exp(−γ |x − y|²) of
/// features of length 1. torchdistill takes the norm ‖C_s − C_t‖/N² and not its square.
public struct CorrelationCongruenceLoss: Sendable {
  /// γ of the kernel.
  public let gamma: Float
  /// The highest power that is kept, P.
  public let order: Int

  /// The paper's kernel; it gives the loss the weight 0.003.
  public init(gamma: Float = 0.4, order: Int = 2) {
    precondition(gamma > 0 && order >= 1, "CorrelationCongruenceLoss: gamma \(gamma), order \(order)")
    (self.gamma, self.order) = (gamma, order)
  }

  /// student: [N, D], teacher: [N, E] features of the same images, of any widths -> [1]. The teacher is a
  /// constant. A row of zeros has the cosine 0 with all rows.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    var factors = [exponential(-2 * Double(gamma))]
    for p in 1...order { factors.append(factors[p - 1] * 2 * Double(gamma) / Double(p)) }
    return relationLoss(student, teacher, name: "correlation congruence loss") { s, t, slopes in
      let count = s.count
      let scale = 1 / Double(count * count)
      let inverses = s.setCosines(s)
      _ = t.setCosines(t)
      var loss = 0.0
      for i in 0..<count * count {
        let (ours, theirs) = (kernel(s.numbers[i], factors), kernel(t.numbers[i], factors))
        let difference = ours.value - theirs.value
        loss += scale * difference * difference
        slopes.numbers[i] = 2 * scale * difference * ours.slope
      }
      slopes.passCosines(s, inverses: inverses)
      return loss
    }
  }

  /// The series at a cosine, by Horner, and its slope.
  private func kernel(_ cosine: Double, _ factors: [Double]) -> (value: Double, slope: Double) {
    factors.reversed().reduce((0.0, 0.0)) { ($0.0 * cosine + $1, $0.1 * cosine + $0.0) }
  }
}
