import EmanateData
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateOptimization

/// What a run will take, found by taking its first steps on its own images and throwing them away.
public struct Forecast: Sendable {
  /// Steps that were tried, and how many of them after the first ones, which take longer.
  public let tried, timed: Int
  /// Steps the run has still to do.
  public let steps: Int
  /// Seconds for them, checkpoints not counted.
  public let seconds: Double
  /// Images trained on in a second, waiting included.
  public let imagesPerSecond: Double
  /// The share of the time spent waiting for images, 0 to 1.
  public let waitingShare: Double
}

extension TrainingRun {
  /// Takes steps as the run would, from random weights and without writing anything, until a rate shows: at least
  /// three after the loader's first batches and for eight seconds, but no more than half a minute of them.
  ///
  /// `clock` gives seconds. Memory peaks as in the run itself; read the process's own peak afterwards.
  ///
  /// - Throws: What a run throws before its first step, and `TrainingError` for a loss that is not finite or images
  ///   that cannot be read.
  public func forecast(clock: () -> Double) throws -> Forecast {
    let preparation = try prepared()
    func open<M: Method>(_ method: M) throws -> Forecast {
      let cache = try ConfiguredCache(configuration.data, roots: preparation.folder.roots, writes: false)
      var trainer = try trainer(method, preparation, cache.cache)
      if resumes, let folder = run.newestCheckpoint {
        trainer.start = min(try Checkpoint.state(at: folder).step, preparation.plan.steps)
      }
      return try trainer.forecast(clock: clock)
    }
    return try open(try method.make(material(preparation)))
  }
}

extension Trainer {
  mutating func forecast(clock: () -> Double) throws(TrainingError) -> Forecast {
    let loader = try makeLoader()
    let (left, warmUp) = (plan.steps - start, configuration.data.prefetchBatches + 1)
    let began = clock()
    var (marks, waited) = ([began], [0.0])
    while marks.count - 1 < left {
      let asked = clock()
      guard let batch = try next(of: loader) else { break }
      let wait = clock() - asked
      _ = try step(views(batch), plan.moment(start + marks.count - 1))
      marks.append(clock())
      waited.append(waited.last! + wait)
      let timed = marks.count - 1 - warmUp
      // With steps of minutes the first ones must do.
      let seconds = timed > 0 ? marks.last! - marks[warmUp] : 0
      if (timed >= 3 && seconds >= 8) || marks.last! - began >= 60 || seconds >= 30 { break }
    }
    let tried = marks.count - 1
    let first = min(warmUp, max(0, tried - 1))
    let timed = tried - first
    let rate = timed > 0 ? (marks[tried] - marks[first]) / Double(timed) : 0
    let seconds = marks[tried] - began + Double(left - tried) * rate
    let waiting = timed > 0 ? (waited[tried] - waited[first]) / (marks[tried] - marks[first]) : 0
    return Forecast(
      tried: tried, timed: timed, steps: left, seconds: seconds,
      imagesPerSecond: seconds > 0 ? Double(left * plan.batchSize) / seconds : 0, waitingShare: waiting)
  }
}
