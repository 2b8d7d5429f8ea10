import EmanateTensors

/// What the loss's gradient says of a classifier's images: where the softmax saturates it is nothing, and an attack that
/// follows it stands still.
///
/// Defensively distilled networks (Papernot et al. 2016, arXiv:1511.04508) are the well-known case: trained at a temperature
/// and used at 1, their logits are as many times greater (Carlini and Wagner 2017, arXiv:1608.04644, section VIII; Athalye et
/// al. 2018, arXiv:1802.00420, on masked gradients in general).
public struct GradientMasking: Sendable, Equatable {
  /// How many images were told right, and looked at.
  public let images: Int
  /// Of how many of them, in percent, the loss's gradient is 0 at every pixel, in float32.
  public let zero: Double
  /// Of how many, in percent, it is 0 or below float32's resolution beside the margin's: greatest slope at most 2⁻²⁴ of
  /// the margin's. Such an image's loss is saturated: what is left of the gradient may be rounding.
  public let vanishing: Double
  /// The mean and the median margin of the own logit over the greatest other; past 17 the probability is 1 in float32.
  public let meanMargin, medianMargin: Double

  /// No gradient was looked at: nothing was told right.
  static let none = GradientMasking(zero: [], vanishing: [], margins: [])

  /// What was found at each image: whether the gradient is zero, whether it vanishes, and by how much the own logit is ahead.
  init(zero: [Bool], vanishing: [Bool], margins: [Double]) {
    func percent(_ flags: [Bool]) -> Double {
      flags.isEmpty ? 0 : 100 * Double(flags.count { $0 }) / Double(flags.count)
    }
    images = zero.count
    (self.zero, self.vanishing) = (percent(zero), percent(vanishing))
    meanMargin = margins.isEmpty ? 0 : margins.reduce(0, +) / Double(margins.count)
    medianMargin = median(margins) ?? 0
  }

  /// The greatest slope of every row, |∂|.
  static func greatest(_ gradient: Tensor) -> [Float] {
    let width = gradient.shape[1]
    return gradient.withElements { values in
      (0..<gradient.shape[0]).map { row in
        values[row * width..<(row + 1) * width].reduce(Float(0)) { max($0, abs($1)) }
      }
    }
  }
}

/// The middle of some numbers, the mean of the two middle ones of an even count; nil of none.
func median(_ numbers: [Double]) -> Double? {
  if numbers.isEmpty { return nil }
  let sorted = numbers.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
