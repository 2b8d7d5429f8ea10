import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Variational information distillation (Ahn et al. 2019, arXiv:1904.05835, section 3): how well the
/// student's features tell the teacher's, as a normal distribution with a learned variance for each
/// channel.
///
/// ½ ((t − μ)²/σ² + ln σ²), averaged over all elements (the paper sums over channels and places), with σ² =
/// ln(1 + e^α) + 1e-5: a channel the student cannot tell gets a wide σ and weighs little.
public struct VariationalInformationLoss: Sendable {
  /// The least variance, ε; the authors' 1e-5.
  private let epsilon = 1e-5

  /// The loss has no settings.
  public init() {}

  /// The α whose variance is the given one, to begin with; the authors begin with 5.
  public static func alpha(variance: Float) -> Float {
    precondition(variance > 1e-5, "VariationalInformationLoss: variance \(variance); above 1e-5 is needed")
    let wanted = Double(variance) - 1e-5
    // ln(e^v − 1), which is v where e^v is large.
    return Float(wanted > 30 ? wanted : logarithm(exponential(wanted) - 1))
  }

  /// mean: [..., C], the student's features through a connector, alpha: [C], teacher: [..., C] -> [1].
  ///
  /// Gradients reach mean and alpha; the teacher is a constant. The value can be negative, as a density's
  /// logarithm can.
  public func callAsFunction(mean: Variable, alpha: Variable, teacher: Tensor) -> Variable {
    let channels = mean.shape[-1]
    precondition(
      teacher.shape == mean.shape && alpha.shape == [channels] && mean.shape.count > 0,
      "VariationalInformationLoss: mean \(mean.shape), alpha \(alpha.shape), teacher \(teacher.shape)")
    let (rows, x) = (mean.shape.rows, mean.value)
    let total = Double(mean.shape.count)
    // σ² and its slope by α.
    let variances = alpha.value.array.map { a -> (value: Double, slope: Double) in
      let small = exponential(-Double(a).magnitude)
      let share = a >= 0 ? 1 / (1 + small) : small / (1 + small)
      return (max(Double(a), 0) + logarithm(1 + small) + epsilon, share)
    }
    let gradient = Tensor(uninitialized: x.shape)
    let blocks = Blocks(rows, about: 256)
    // Of each block: for every channel the sum of squared differences.
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: blocks.count * channels)
    defer { sums.deallocate() }
    let factors = UnsafeMutablePointer<Float>.allocate(capacity: channels)
    defer { factors.deallocate() }
    for channel in 0..<channels { factors[channel] = Float(1 / (variances[channel].value * total)) }
    profiled("variational information loss", Work(numbers: 3 * x.count)) {
      ThreadPool.shared.forEach(blocks.count) { index in
        let sums = sums + index * channels
        sums.update(repeating: 0, count: channels)
        for row in blocks[index] {
          let (a, b, to) = (
            x.pointer + row * channels, teacher.pointer + row * channels, gradient.pointer + row * channels
          )
          for i in 0..<channels {
            let difference = a[i] - b[i]
            sums[i] += Double(difference) * Double(difference)
            to[i] = difference * factors[i]
          }
        }
      }
    }
    withExtendedLifetime((x, teacher)) {}
    var loss = 0.0
    var slopes: [Float] = []
    for (channel, variance) in variances.enumerated() {
      let squares = (0..<blocks.count).reduce(0.0) { $0 + sums[$1 * channels + channel] }
      loss += 0.5 * (squares / variance.value + Double(rows) * logarithm(variance.value)) / total
      let byVariance = 0.5 * (Double(rows) - squares / variance.value) / (variance.value * total)
      slopes.append(Float(byVariance * variance.slope))
    }
    return record(
      Tensor([Float(loss)], [1]), [mean, alpha],
      KnownGradientsBackward(gradients: [gradient, Tensor(slopes, [channels])]))
  }
}
