import Foundation

/// Shows on standard error how far a count has come: a line that is rewritten on a terminal, one now and then
/// in a pipe.
final class CountProgress {
  private let name: String
  private let total: Int
  private let isTerminal = isatty(2) == 1
  private let start = ProcessInfo.processInfo.systemUptime
  private var lastShown: Double
  private var isLineOpen = false

  /// A count up to `total` of what `name` says, `images` say.
  init(_ name: String, of total: Int) {
    (self.name, self.total) = (name, total)
    lastShown = start
  }

  /// The count has come to `done`.
  func callAsFunction(_ done: Int) {
    let now = ProcessInfo.processInfo.systemUptime
    guard now - lastShown >= (isTerminal ? 0.3 : 15) else { return }
    lastShown = now
    let rate = Double(done) / (now - start)
    let left = ProgressLines.duration(Double(total - done) / max(rate, 1e-9))
    let text = "\(name)  \(done)/\(total)  \(String(format: "%.1f", rate))/s  \(left) left"
    StandardError.write(isTerminal ? "\r\u{1B}[K\(text)" : text + "\n")
    isLineOpen = isTerminal
  }

  /// Takes the line away.
  func finish() {
    if isLineOpen { StandardError.write("\r\u{1B}[K") }
    isLineOpen = false
  }
}
