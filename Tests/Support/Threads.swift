import EmanateKernels
import Synchronization

private let sharedPool = Mutex(())

/// Runs `body` with the shared pool at `threads` threads, one such test at a time, and puts the number back.
public func withThreads<Result>(_ threads: Int, _ body: () throws -> Result) rethrows -> Result {
  try sharedPool.withLock { _ in
    let before = ThreadPool.shared.threads
    ThreadPool.shared.resize(to: threads)
    defer { ThreadPool.shared.resize(to: before) }
    return try body()
  }
}
