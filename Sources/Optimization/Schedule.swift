import Foundation

/// A number that changes over a run: called with a step, it gives the value to use at that step.
///
/// Steps count from 0. A step past the end of the schedule gets the last value.
public indirect enum Schedule: Hashable, Sendable {
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

  /// Half a cosine wave from `first` to `final` over `steps` points, the last of them `final` itself: lightly's
  /// (utils/scheduler.py, `cosine_schedule`). One point alone is `final`.
  case cosineReaching(first: Double, final: Double, steps: Int)

  /// A line from `first` through `steps` points: first + (final − first) · i / n with n = `steps`, so that `final`
  /// is approached as a cosine approaches it, or n = `steps` − 1 where it `reaches` it.
  case line(first: Double, final: Double, steps: Int, reaches: Bool)

  /// `first`, times `factor` from each of the steps `drops` on (PyTorch's `MultiStepLR`).
  case drops(first: Double, factor: Double, at: [Int])

  /// A rise to `final` as exp(−5 (1 − t)²), t = step / `steps` up to 1 (Laine and Aila 2017, arXiv:1610.02242,
  /// section 3): Mean Teacher's weight of the consistency loss. Without steps it is `final` at once.
  case sigmoidRamp(final: Double, steps: Int)

  /// Mean Teacher's momentum, min(1 − 1 / (n + 1), `limit`) with n the updates done, this one among them (Tarvainen
  /// and Valpola 2017, arXiv:1703.01780; `update_ema_variables` of the authors' code): 1/2, 2/3, 3/4 at first, the
  /// mean of the starting weights and all students so far.
  case trueAverage(limit: Double)

  /// A straight warm-up from `start` to the first value of `then`, which begins after it.
  case warmedUp(from: Double, steps: Int, form: WarmUp, then: Schedule)

  /// The same value for so many steps, then the schedule that begins after them.
  case delayed(Double, steps: Int, then: Schedule)

  /// Where the points of a warm-up of n steps lie on its line, i in 0..<n.
  public enum WarmUp: String, Sendable, CaseIterable {
    /// i / (n − 1): both ends are used, the peak again by the schedule that follows. DINO's, DINOv2's, solo-learn's.
    case dino
    /// i / n: the peak comes with the schedule that follows. BYOL's (deepmind-research, byol/utils/schedules.py).
    case byol
    /// (i + 1) / n: no step with the starting value, which may be 0. lightly's.
    case lightly
  }

  /// Half a cosine wave from `first` towards `final` without warm-up: DINO's weight decay and teacher
  /// momentum, and BYOL's momentum, 1 − (1 − τ₀) (cos(π k / K) + 1) / 2.
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
    case .cosineReaching(let first, let final, let steps):
      if step >= steps - 1 { return final }
      return final + 0.5 * (first - final) * (1 + cos(Double.pi * Double(step) / Double(steps - 1)))
    case .line(let first, let final, let steps, let reaches):
      if reaches { return step >= steps - 1 ? final : line(from: first, to: final, at: step, of: steps) }
      return first + (final - first) * Double(min(step, max(0, steps - 1))) / Double(max(1, steps))
    case .drops(let first, let factor, let drops):
      return drops.reduce(first) { $1 <= step ? $0 * factor : $0 }
    case .sigmoidRamp(let final, let steps):
      if step >= steps { return final }
      let phase = 1 - Double(step) / Double(steps)
      return final * exp(-5 * phase * phase)
    case .trueAverage(let limit):
      return min(1 - 1 / Double(step + 2), limit)
    case .delayed(let value, let steps, let then):
      return step < steps ? value : then(step - steps)
    case .warmedUp(let start, let steps, let form, let then):
      if step >= steps { return then(step - steps) }
      switch form {
      case .dino: return line(from: start, to: then(0), at: step, of: steps)
      case .byol: return start + (then(0) - start) * Double(step) / Double(steps)
      case .lightly: return start + (then(0) - start) * Double(step + 1) / Double(steps)
      }
    }
  }

  /// Point `index` of `count` evenly spaced points with both ends included; a single point is the first end.
  private func line(from first: Double, to last: Double, at index: Int, of count: Int) -> Double {
    if count == 1 { return first }
    if index == count - 1 { return last }
    return first + Double(index) * ((last - first) / Double(count - 1))
  }
}
