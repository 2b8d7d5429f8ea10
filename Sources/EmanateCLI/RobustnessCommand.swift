import ArgumentParser
import EmanateData
import EmanateEvaluation
import Foundation

/// `emanate robustness`: what classifiers still tell right when somebody changes the images on purpose.
struct RobustnessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "robustness",
    abstract: "Attacks classifiers with slightly changed images: FGSM, PGD, Carlini-Wagner, transfer.",
    discussion: """
      An accuracy is the share of all images that are told right as they are and after the attack. Distances are in levels
      from 0 to 1, before normalisation: --epsilon 8/255 lets every level move by 8 of 255. Where the loss gradient vanishes
      because logits saturate, as after defensive distillation, the report says so: fgsm and pgd then see nothing, and
      pgd-margin and cw, which follow the logits, count. With several --weights transfer goes from each to each.
      """,
    examples: [
      "emanate robustness --weights runs/tuned runs/small --test labelled/test --epsilon 8/255"
    ])

  @Option(
    name: .long, parsing: .upToNextOption,
    help: ArgumentHelp(
      "Classifiers: runs' or checkpoints' folders, safetensors or PyTorch files; a teacher and its student, say.",
      valueName: "weights"), completion: CompletionOffers.weights)
  var weights: [String]

  @Option(help: "Which network of a run or checkpoint; where there is no teacher, its student.")
  var network = NetworkHints.Role.teacher

  @OptionGroup var architecture: ArchitectureOptions

  @Option(help: "The labelled folder whose images are attacked.", completion: .directory)
  var test: String

  @Option(help: "At most so many images, spread evenly over the folder; 0 for all.")
  var images = 500

  @OptionGroup var attack: AttackArguments

  @Option(help: "Keys the random starts.")
  var seed: UInt64 = 0

  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if weights.isEmpty { throw ValidationError("--weights is missing: a classifier, or several") }
    if Set(weights).count < weights.count {
      throw ValidationError("--weights: \(weights.joined(separator: " ")) names one twice")
    }
    if images < 0 { throw ValidationError("--images: \(images) is below 0") }
    if weights.count < 2, let entry = try attack.entries(of: weights.count).first(where: \.transfers) {
      throw ValidationError(
        "--attacks \(entry.name): images go from one classifier to another, and --weights names one only")
    }
  }

  func run() throws {
    threading.apply()
    let entries = try attack.entries(of: weights.count)
    let folder = try listing(test)
    let classifiers = try weights.map { try classifier($0, folder) }
    if entries.contains(where: \.transfers) { try checkAlike(classifiers) }
    let start = ProcessInfo.processInfo.systemUptime
    let subjects = try subjects(classifiers, spread(folder))
    warn(ofSkipped: subjects.skipped)
    var options = attack.options
    options.seed = seed
    var shown: (doing: String, bar: CountProgress)?
    let results = RobustnessTest(entries, options)(subjects.all) { doing, done, total in
      if shown?.doing != doing {
        shown?.bar.finish()
        shown = (doing, CountProgress(doing, of: total))
      }
      shown?.bar(done)
    }
    shown?.bar.finish()
    let report = RobustnessText(
      results, options: options, images: subjects.all[0].labels.count, folder: test)
    output.result(
      RobustnessSummary(
        report, skipped: subjects.skipped,
        seconds: ProcessInfo.processInfo.systemUptime - start), text: report.text)
  }

  /// A classifier whose classes are the folder's.
  private func classifier(_ path: String, _ folder: ImageFolder) throws -> FrozenClassifier {
    var hints = architecture.hints
    hints.role = network
    let classifier = try NetworkReader(hints).readClassifier(path, unnamed: folder.classes)
    for note in classifier.network.notes { StandardError.write("emanate: note: \(note)\n") }
    do { _ = try classifier.labels(of: folder) } catch let error as ClassesError {
      throw CommandFailure(.data, "\(path), on \(error.description)")
    }
    if classifier.classes.count < 2 {
      throw CommandFailure(.data, "\(path): it tells \(classifier.classes.count) class; an attack needs two")
    }
    return classifier
  }

  /// What one classifier reads another one must read as well.
  private func checkAlike(_ classifiers: [FrozenClassifier]) throws {
    func inputs(_ classifier: FrozenClassifier) -> String {
      "\(classifier.network.side) pixels, crop \(classifier.network.preparation.crop)"
    }
    let first = classifiers[0]
    for (path, other) in zip(weights, classifiers)
    where inputs(other) != inputs(first) || other.network.decoder.settings != first.network.decoder.settings {
      throw CommandFailure(
        .usage,
        "--attacks transfer: \(weights[0]) reads images of \(inputs(first)), \(path) of \(inputs(other)); images made on "
          + "one cannot be given to the other")
    }
  }

  /// The images that are attacked: of a folder in the order of its classes, some of each.
  private func spread(_ folder: ImageFolder) -> ImageFolder {
    if images == 0 || images >= folder.count { return folder }
    return folder.selecting((0..<images).map { $0 * folder.count / images })
  }

  private func subjects(
    _ classifiers: [FrozenClassifier], _ folder: ImageFolder
  ) throws -> (all: [RobustnessTest.Subject], skipped: [SkippedFile]) {
    var all: [RobustnessTest.Subject] = []
    var skipped: [SkippedFile] = []
    for (path, classifier) in zip(weights, classifiers) {
      let network = classifier.network
      let source = FeatureSource.pixels(as: network)
      let levels = try Features(of: folder, by: source)
      skipped = levels.skipped
      all.append(
        RobustnessTest.Subject(
          name: path, AttackedClassifier(classifier), images: levels.rows,
          labels: try levels.folder.labels(among: classifier.classes), samples: Array(0..<levels.count)))
    }
    return (all, skipped)
  }
}
