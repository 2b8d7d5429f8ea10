import EmanateConfiguration
import EmanateInterchange

/// How long steps took, and how much of that was waiting for images: a line of `times.jsonl` for every so many of them.
///
/// It is a file of its own, because nothing in `metrics.jsonl` may depend on the clock. A line's `step` is the last of its
/// steps; votes of nearest neighbours and checkpoints are in its seconds.
struct TimeLog {
  private let file: JSONLines?
  private let interval, batchSize: Int
  private var (done, seconds, waiting) = (0, 0.0, 0.0)

  /// A log of steps from `done` on, its first second now.
  init(_ path: String, _ configuration: ExperimentConfiguration, done: Int) throws(FileFailure) {
    interval = configuration.logging.timesEverySteps.value ?? 0
    file = try interval > 0 ? JSONLines(appendingTo: path) : nil
    batchSize = configuration.training.batchSize
    self.done = done
  }

  /// Takes note of a step; `seconds` and `waiting` count from the log's beginning. Gives the line that was written, if one
  /// was due.
  mutating func note(
    done: Int, seconds: Double, waiting: Double, isLast: Bool
  ) throws(FileFailure) -> [(String, JSONValue)]? {
    guard let file, isLast || done % interval == 0 else { return nil }
    let (steps, time) = (done - self.done, seconds - self.seconds)
    let line: [(String, JSONValue)] = [
      ("step", .integer(done - 1)), ("steps", .integer(steps)), ("seconds", .number(time)),
      ("waitingSeconds", .number(waiting - self.waiting)),
      ("imagesPerSecond", .number(Double(steps * batchSize) / time)),
    ]
    try file.append(line)
    (self.done, self.seconds, self.waiting) = (done, seconds, waiting)
    return line
  }
}
