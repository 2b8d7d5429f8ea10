import ArgumentParser
import EmanateConfiguration
import EmanateInterchange
import Foundation

/// How a command fails: what standard error says, and the exit status (as in BSD's sysexits.h).
struct CommandFailure: Error {
  /// The exit statuses that commands use.
  enum Code: Int32 {
    /// The command line or a configuration cannot be used.
    case usage = 64
    /// The input data cannot be used.
    case data = 65
    /// A run failed.
    case run = 70
    /// A file or folder cannot be read or written.
    case files = 74
    /// The user interrupted.
    case interrupted = 130
  }

  let code: Code
  /// WHAT: WHY, with the file, key or option at fault.
  let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The failure an error of the library stands for; the run's own where nothing says otherwise.
  init(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as FileFailure: self.init(.files, error.description)
    case let error as ConfigurationError: self.init(Self.code(of: error), error.description)
    case let error as SafetensorsError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as NPYError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    default: self.init(.run, "\(error)")
    }
  }

  private static func code(of error: ConfigurationError) -> Code {
    switch error {
    case .unreadable, .unwritable: .files
    case .tooFewImages: .data
    case .malformed(let source, _), .unknownKey(let source, _, _), .misplaced(let source, _, _),
      .notAllowed(let source, _, _, _):
      source == "--set" ? .usage : .data
    case .inconsistent, .notAvailable: .usage
    }
  }
}
