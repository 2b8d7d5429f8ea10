import ArgumentParser
import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateInterchange
import EmanateTraining
import Foundation

/// How a command fails: what standard error says, and the exit status (as in BSD's sysexits.h).
struct CommandFailure: Error {
  /// The exit statuses that commands use.
  enum Code: Int32, CaseIterable {
    case usage = 64
    case data = 65
    case run = 70
    case files = 74
    case interrupted = 130

    /// When it is used, in a sentence.
    var meaning: String {
      switch self {
      case .usage: "The command line or a configuration cannot be used."
      case .data: "The input data cannot be used."
      case .run: "A run failed."
      case .files: "A file or folder cannot be read or written."
      case .interrupted:
        "The user interrupted; what was done is saved, and `--resume` goes on where there is one."
      }
    }
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
    case let error as CacheFileError: self.init(.files, error.description)
    case let error as ConfigurationError: self.init(Self.code(of: error), error.description)
    case let error as SafetensorsError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as PyTorchError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as WeightsFileError: self.init(weightsFile: error)
    case let error as NPYError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as ONNXError:
      if case .file(let failure) = error {
        self.init(.files, failure.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as TrainingError: self.init(training: error)
    case let error as ImageFolderError: self.init(.data, error.description)
    case let error as ClassesError: self.init(.data, error.description)
    case let error as LoaderError: self.init(.data, error.description)
    case let error as RecipeError: self.init(.data, "\(error)")
    case let error as WeightsError: self.init(weights: error)
    case let error as FeaturesError: self.init(.data, error.description)
    case let error as LinearProbeError:
      if case .notFinite = error {
        self.init(.run, error.description)
      } else {
        self.init(.data, error.description)
      }
    case let error as IDXError: self.init(.data, error.description)
    case let error as FolderWritingError: self.init(.files, error.description)
    default: self.init(.run, "\(error)")
    }
  }

  private init(weights error: WeightsError) {
    switch error {
    case .missing: self.init(.files, error.description)
    case .notWeights, .notDrawn: self.init(.data, error.description)
    case .file(let error): self.init(error)
    case .configuration(let error): self.init(error)
    case .contradiction, .side: self.init(.usage, error.description)
    }
  }

  private init(weightsFile error: WeightsFileError) {
    switch error {
    case .file(let error): self.init(error)
    case .safetensors(let error): self.init(error)
    case .pytorch(let error): self.init(error)
    case .unknownFormat, .missing, .unexpected, .shapeMismatch, .tensor: self.init(.data, error.description)
    }
  }

  private init(training error: TrainingError) {
    switch error {
    case .configuration(let error): self.init(error)
    case .safetensors(let error): self.init(error)
    case .file(let error): self.init(error)
    case .data(let error):
      if case .tooManyUnreadable = error {
        self.init(.run, error.description)
      } else {
        self.init(.data, error.description)
      }
    case .lossNotFinite, .collapsed: self.init(.run, error.description)
    case .runExists, .configurationDiffers, .unavailable: self.init(.usage, error.description)
    case .recipeDiffers, .dataDiffers, .checkpoint, .knn, .validation: self.init(.data, error.description)
    }
  }

  private static func code(of error: ConfigurationError) -> Code {
    switch error {
    case .unreadable, .unwritable: .files
    case .tooFewImages: .data
    case .malformed(let source, _), .unknownKey(let source, _, _), .misplaced(let source, _, _),
      .notAllowed(let source, _, _, _):
      source == "--set" ? .usage : .data
    case .inconsistent: .usage
    }
  }
}
