import Dispatch
import Foundation
import Synchronization

/// Turns the first SIGINT or SIGTERM into a wish that long work asks for; the second one ends the program at once.
final class Interruption {
  private final class Flag: Sendable { let isSet = Atomic<Bool>(false) }

  private let flag = Flag()
  private var sources: [any DispatchSourceSignal] = []

  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)  // the source still hears it
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [flag] in
        if flag.isSet.exchange(true, ordering: .relaxed) { _exit(CommandFailure.Code.interrupted.rawValue) }
        StandardError.write("\nemanate: finishing the step and saving; once more ends it without\n")
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
