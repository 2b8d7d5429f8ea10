import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Probabilistic knowledge transfer (Passalis and Tefas 2018, arXiv:1803.10837, section 3): to which others
/// an image of the batch belongs, as a distribution over them.
///
/// p(j|i) = K_ij/Σ_{k≠i} K_ik with K = (cos + 1)/2 + 1e-7, and the mean over images of Σ_{j≠i} p_t
/// ln(p_t/p_s), in nats; the paper sums over images. The authors' code counts j = i in as well and averages
/// over N² entries.
public struct ProbabilisticTransferLoss: Sendable {
  /// Keeps an affinity from being 0.
  private let epsilon = 1e-7

  /// The loss has no settings.
  public init() {}

  /// student: [N, D], teacher: [N, E] features of the same images, of any widths -> [1]. The teacher is a
  /// constant. A row of zeros has the cosine 0 with all others; fewer than three rows cost nothing.
  public func callAsFunction(student: Variable, teacher: Tensor) -> Variable {
    relationLoss(student, teacher, name: "probabilistic transfer loss") { s, t, slopes in
      let count = s.count
      if count < 2 { return 0 }
      let inverses = s.setCosines(s)
      _ = t.setCosines(t)
      var loss = 0.0
      for i in 0..<count {
        let (ours, theirs) = (s.row(i), t.row(i))
        var (sum, other) = (0.0, 0.0)
        for j in 0..<count where j != i {
          sum += affinity(ours[j])
          other += affinity(theirs[j])
        }
        for j in 0..<count where j != i {
          let (p, q) = (affinity(ours[j]) / sum, affinity(theirs[j]) / other)
          if p != q { loss += q * logarithm(q / p) / Double(count) }
          slopes[i, j] = 0.5 * (p - q) / (affinity(ours[j]) * Double(count))
        }
      }
      slopes.passCosines(s, inverses: inverses)
      return loss
    }
  }

  /// K of a cosine, which rounding may take a little below -1.
  private func affinity(_ cosine: Double) -> Double { max(0.5 * (cosine + 1), 0) + epsilon }
}
