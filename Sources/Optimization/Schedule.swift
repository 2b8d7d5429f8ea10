import Foundation

/// A number that changes over a run: called with a step, it gives the value to use at that step.
///
/// Steps count from 0. A step past the end of the schedule gets the last value.
public enum Schedule: Hashable, Sendable {
  /// The same value at every step.
  case constant(Double)

  /// A linear warm-up from `start` to `peak`, then half a cosine wave towards `final`.
  ///
  /// DINO (Caron et al. 2021, arXiv:2104.14294), `cosine_scheduler` of the authors' code. The warm-up is a
  /// line through `warmup` points with both ends included; the remaining n points are final + (peak − final)
  /// / 2 · (1 + cos(π i / n)), i in 0..<n, so that `final` is approached and not reached. `steps` is the
  /// length of the run, warm-up included.
  case cosine(start: Double, peak: Double, final: Double, warmup: Int, steps: Int)

  /// A linear rise (or fall) over the first `epochs` epochs, stepwise per epoch, then `final`.
  ///
  /// DINO's teacher temperature: a line through `epochs` points with both ends included.
  case stairs(start: Double, final: Double, epochs: Int, stepsPerEpoch: Int)

  /// Half a cosine wave from `first` towards `final` without warm-up: DINO's weight decay and teacher
  /// momentum.
  public static func cosine(from first: Double, to final: Double, steps: Int) -> Schedule {
    .cosine(start: first, peak: first, final: final, warmup: 0, steps: steps)
  }

  /// The value at a step, counted from 0.
  public func callAsFunction(_ step: Int) -> Double {
    precondition(step >= 0, "Schedule: step \(step) is before the start of the run")
    switch self {
    case .constant(let value):
      return value
    case .cosine(let start, let peak, let final, let warmup, let steps):
      precondition(
        warmup >= 0 && warmup <= steps, "Schedule: \(warmup) steps of warm-up in a run of \(steps)")
      if step < warmup { return line(from: start, to: peak, at: step, of: warmup) }
      let length = steps - warmup
      if length == 0 { return peak }
      let place = min(step - warmup, length - 1)
      return final + 0.5 * (peak - final) * (1 + cos(Double.pi * Double(place) / Double(length)))
    case .stairs(let start, let final, let epochs, let stepsPerEpoch):
      precondition(stepsPerEpoch > 0, "Schedule: \(stepsPerEpoch) steps per epoch")
      let epoch = step / stepsPerEpoch
      return epoch < epochs ? line(from: start, to: final, at: epoch, of: epochs) : final
    }
  }

  /// Point `index` of `count` evenly spaced points with both ends included; a single point is the first end.
  private func line(from first: Double, to last: Double, at index: Int, of count: Int) -> Double {
    if count == 1 { return first }
    if index == count - 1 { return last }
    return first + Double(index) * ((last - first) / Double(count - 1))
  }
}

/// The learning rate of a batch, from the rate that is stated for 256 images.
///
/// The linear scaling rule (Goyal et al. 2017, arXiv:1706.02677) as DINO uses it: rate · images / 256.
public func scaledLearningRate(per256Images rate: Double, batchSize: Int) -> Double {
  rate * Double(batchSize) / 256
}
