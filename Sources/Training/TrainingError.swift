import EmanateConfiguration
import EmanateData
import EmanateInterchange

/// Why training did not start or stopped.
public enum TrainingError: Error, CustomStringConvertible {
  /// The loss became infinite or not a number; the last good checkpoint stays.
  case lossNotFinite(step: Int, value: Double)
  /// The watch over collapse ended the run, as `collapse.stop` asks; the checkpoint of `done` steps is written.
  case collapsed(done: Int, verdict: CollapseWatch.Verdict, advice: String)
  /// Nearest neighbours could not vote while the run went on.
  case knn(reason: String)
  /// The images held out could not be judged while the run went on.
  case validation(reason: String)
  /// The folder holds a run already and neither `--resume` nor `--overwrite` was said.
  case runExists(path: String)
  /// A run can only be resumed with the settings it began with.
  case configurationDiffers(path: String, differences: [(path: String, value: String, otherValue: String)])
  /// The recipe's file has changed since the run began.
  case recipeDiffers(path: String, name: String)
  /// A run can only be resumed with the images it began with.
  case dataDiffers(path: String, images: Int, otherImages: Int)
  /// A file of a checkpoint is missing something or does not fit.
  case checkpoint(path: String, reason: String)
  /// This build cannot serve a setting.
  case unavailable(setting: String, reason: String)
  /// A setting cannot be used.
  case configuration(ConfigurationError)
  /// The images cannot be used.
  case data(LoaderError)
  /// A file of tensors cannot be used.
  case safetensors(SafetensorsError)
  /// A file or folder cannot be read or written.
  case file(FileFailure)

  /// What is wrong, with the file or setting at fault, and what to do.
  public var description: String {
    switch self {
    case .lossNotFinite(let step, let value):
      "the loss at step \(step) is \(value); that step changed nothing, and the last checkpoint stays. A lower "
        + "training.learningRate or a longer warm-up is the usual cure"
    case .collapsed(let done, let verdict, let advice):
      "stopped after step \(done), with a checkpoint, because collapse.stop is true; \(verdict.summary); \(advice)"
    case .knn(let reason): "nearest neighbours (knn.everySteps): \(reason)"
    case .validation(let reason): "images held out (validation.share): \(reason)"
    case .runExists(let path):
      "\(path) holds a run already; --resume continues it, --overwrite replaces it"
    case .configurationDiffers(let path, let differences):
      "\(path) was begun with other settings: "
        + differences.map { "\($0.path) was \($0.otherValue), not \($0.value)" }.joined(separator: "; ")
    case .recipeDiffers(let path, let name):
      "the recipe \(name) has changed since the run began; \(path) holds it as it was"
    case .dataDiffers(let path, let images, let otherImages):
      images == otherImages
        ? "\(path) was begun with other images (as many, \(images), but other names or sizes); "
          + "--allow-changed-data continues all the same"
        : "\(path) was begun with \(otherImages) images, not \(images); --allow-changed-data continues all the same"
    case .checkpoint(let path, let reason): "\(path): \(reason)"
    case .unavailable(let setting, let reason): "\(setting): \(reason)"
    case .configuration(let error): error.description
    case .data(let error): error.description
    case .safetensors(let error): error.description
    case .file(let error): error.description
    }
  }
}
