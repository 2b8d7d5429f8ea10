import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateMethods
import EmanateNetworks

/// Labelled images that are held out of a supervised run: they tell when the network was best.
public struct Validation {
  /// The images; no step sees them.
  public let folder: ImageFolder
  /// How many steps lie between two looks.
  let interval: Int
  private let architecture: any Architecture
  private let preparation: ImagePreparation
  private let decoder: ImageDecoder

  /// A run's images without those that are held out, and these; nil where nothing is held out. The share is taken of each
  /// class, at random under the seed.
  static func split(
    _ folder: ImageFolder, _ configuration: ExperimentConfiguration
  ) throws -> (train: ImageFolder, held: ImageFolder?) {
    guard let share = configuration.validation.share.value else { return (folder, nil) }
    if share >= 1 {
      throw TrainingError.unavailable(
        setting: "validation.share", reason: "\(share) leaves nothing to learn from; less than 1 is needed")
    }
    let split = Split(labels: try folder.labels(), testShare: share, seed: UInt64(configuration.seed))
    if split.test.isEmpty {
      throw TrainingError.unavailable(
        setting: "validation.share",
        reason:
          "\(share), and no class of \(folder.roots.joined(separator: ", ")) has two images, so none can be held out"
      )
    }
    return (folder.selecting(split.train), folder.selecting(split.test))
  }

  init(_ folder: ImageFolder, _ configuration: ExperimentConfiguration, recipe: Recipe, stepsPerEpoch: Int) {
    self.folder = folder
    interval = configuration.validation.everyEpochs * stepsPerEpoch
    architecture = configuration.network.chosen
    preparation = recipe.preparation
    decoder = configuration.imageDecoder
  }

  /// What the method's classifier makes of the images, prepared as for `emanate evaluate`. Images that cannot be read are
  /// left out.
  func report<M: Method>(on method: M) throws(TrainingError) -> ClassificationReport {
    guard
      let classifier = FrozenClassifier(
        copying: method.given, architecture, classes: method.classes, side: architecture.side,
        preparation: preparation, decoder: decoder)
    else {
      throw .unavailable(
        setting: "validation.share", reason: "the method \(M.name) has no classifier to judge")
    }
    do {
      let logits = try Features(of: folder, by: .classifier(classifier))
      return ClassificationReport(logits: logits.rows, labels: try classifier.labels(of: logits.folder))
    } catch { throw .validation(reason: "\(error)") }
  }

  /// What a run knows of its looks, in its checkpoints.
  public struct State: Codable, Equatable, Sendable {
    /// Steps done at the best look, and at the last one.
    public internal(set) var best, last: Look
    /// Looks since the best one.
    public internal(set) var waited = 0

    /// One look.
    public struct Look: Codable, Equatable, Sendable {
      /// Steps done by then.
      public let done: Int
      /// The share of images told right, in percent, and the mean of −ln p.
      public let top1, loss: Double
    }

    /// After the first look.
    init(_ look: Look) { (best, last) = (look, look) }

    /// Notes a look; equal accuracies are told apart by the loss. Says whether it is the best so far.
    mutating func note(_ look: Look) -> Bool {
      last = look
      if look.top1 > best.top1 || (look.top1 == best.top1 && look.loss < best.loss) {
        (best, waited) = (look, 0)
        return true
      }
      waited += 1
      return false
    }
  }
}

extension Trainer {
  /// Judges the network by the images held out where that is due after `done` steps, and keeps the checkpoint of the best;
  /// of a look that a continued run has taken already, what it found. nil where nothing is due.
  mutating func validate(
    _ done: Int, _ loader: Loader, _ observer: any RunObserver, _ clock: () -> Double
  ) throws(TrainingError) -> Validation.State.Look? {
    guard let validation, done > 0, done % validation.interval == 0 || done == plan.steps else { return nil }
    if let last = validated?.last, last.done == done { return last }
    let began = clock()
    let report = try validation.report(on: step.method)
    let look = Validation.State.Look(done: done, top1: report.accuracy.top1, loss: report.loss)
    let isBest: Bool
    if validated == nil {
      (validated, isBest) = (Validation.State(look), true)
    } else {
      isBest = validated!.note(look)
    }
    observer.didValidate(report, done: done, isBest: isBest, seconds: clock() - began)
    if isBest {
      try save(done, loader.state)
      do throws(FileFailure) { try run.markBest(done) } catch { throw .file(error) }
      observer.didSave(step: done)
    }
    return look
  }

  /// Whether the images held out have not got better for as many looks as `validation.patience` allows.
  var isOutOfPatience: Bool {
    guard let patience = configuration.validation.patience.value, let validated else { return false }
    return validated.waited >= patience
  }

  /// `validationTop1` (percent) and `validationLoss` of the weights before the line's step; `null` where nobody looked.
  func judged(_ look: Validation.State.Look?) -> [(String, JSONValue)] {
    validation == nil
      ? []
      : [
        ("validationTop1", .number(look?.top1 ?? .nan)), ("validationLoss", .number(look?.loss ?? .nan)),
      ]
  }
}
