import ArgumentParser
import EmanateKernels

/// `--threads N`.
struct ThreadOptions: ParsableArguments {
  @Option(
    help: "Threads to compute and load with; results are the same with any number. (default: all cores)")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads: \(threads); at least 1") }
  }

  /// Sizes the pool.
  func apply() { if let threads { ThreadPool.shared.resize(to: threads) } }
}
