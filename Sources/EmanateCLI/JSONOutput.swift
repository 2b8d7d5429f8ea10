import ArgumentParser
import Foundation

/// `--json`: standard output then carries one JSON object and nothing else.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output; everything else goes to standard error.")
  var json = false

  /// Prints what a person reads: on standard output, or with `--json` on standard error.
  func say(_ text: String) {
    if json { StandardError.write(text + "\n") } else { StandardOutput.write(text + "\n") }
  }

  /// Prints the result: with `--json` the object, otherwise the text.
  func result(_ object: some Encodable, text: @autoclosure () -> String) {
    StandardOutput.write((json ? JSONOutput.text(object) : text()) + "\n")
  }
}

/// JSON as commands print it.
enum JSONOutput {
  /// An object in one line with sorted keys; numbers that JSON has not become texts ("inf", "nan").
  static func text(_ object: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(object) else { preconditionFailure("JSONOutput: \(object)") }
    return String(decoding: data, as: UTF8.self)
  }
}

extension String {
  /// The text with control characters spelled out: in a file's name they must neither break lines nor reach the
  /// terminal.
  var printable: String {
    unicodeScalars.map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0) }
      .joined()
  }
}

/// Results. They are written at once: in a file that takes both outputs they then stand where they belong among messages.
enum StandardOutput {
  static func write(_ text: String) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      StandardError.write("emanate: standard output: cannot be written\n")
      Foundation.exit(CommandFailure.Code.files.rawValue)
    }
  }
}

/// Messages, warnings and progress.
enum StandardError {
  static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// A warning in the form of the errors: `emanate: warning: WHAT`.
  static func warn(_ text: String) { write("emanate: warning: \(text.printable)\n") }
}
