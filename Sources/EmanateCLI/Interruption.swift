import Dispatch
import Foundation
import Synchronization

/// Turns the first SIGINT or SIGTERM into a wish that long work asks for; another one ends the program at once.
///
/// `timeout` and job managers signal both the process and its group, so two within a second count as one.
final class Interruption {
  private final class Flag: Sendable {
    let isSet = Atomic<Bool>(false)
    /// When the first signal came, in nanoseconds.
    let time = Atomic<UInt64>(0)
  }

  private let flag = Flag()
  private var sources: [any DispatchSourceSignal] = []

  /// - Parameter answer: What standard error says to the first signal.
  init(answer: String = "finishing the step and saving; once more ends it without") {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)  // the source still hears it
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [flag] in
        let now = DispatchTime.now().uptimeNanoseconds
        if flag.isSet.exchange(true, ordering: .relaxed) {
          if now - flag.time.load(ordering: .relaxed) < 1_000_000_000 { return }
          _exit(CommandFailure.Code.interrupted.rawValue)
        }
        flag.time.store(now, ordering: .relaxed)
        StandardError.write("\nemanate: \(answer)\n")
      }
      source.resume()
      sources.append(source)
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  /// Whether a signal has come.
  var isAsked: Bool { flag.isSet.load(ordering: .relaxed) }
}
