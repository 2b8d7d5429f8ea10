import EmanateAugmentations
import EmanateAutograd
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateKernels
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// Classification from labels: the cross-entropy of a linear layer behind the backbone, with label smoothing (Szegedy et
/// al. 2016, arXiv:1512.00567, section 7), mixup and CutMix where they are asked for.
///
/// `supervised.temperature` divides the logits in the loss, as defensive distillation trains its teacher (Papernot et al.
/// 2016, arXiv:1511.04508, section IV); nothing makes up for the smaller gradient, which AdamW does not feel.
///
/// With `supervised.trains=head` only the classifier learns: the backbone is read as in evaluation, without a tape, and
/// its running statistics stay.
public struct SupervisedLearning: Method {
  /// `supervised`.
  public static let name = "supervised"

  /// The backbone and its classifier.
  public let classifier: Classifier
  /// The weights that the optimizer changes.
  public let student: ParameterStore
  /// The folder's classes: the logits' order.
  public let classes: [String]
  private let labels: [Int]
  private let settings: SupervisedSettings
  private let criterion: SmoothedCrossEntropy
  private let patch: Int
  private let seed: UInt64
  private var accuracy = 0.0

  /// The classes are those of the folder.
  ///
  /// - Throws: `ImageFolderError` if an image has no class, `ConfigurationError` if all have the same.
  public init(_ configuration: ExperimentConfiguration, _ folder: ImageFolder) throws {
    (classes, labels) = (folder.classes, try folder.labels())
    if classes.count < 2 {
      throw ConfigurationError.inconsistent(
        reason: "\(folder.roots.joined(separator: ", ")): all images stand in one class folder; "
          + "the method \(Self.name) tells two classes or more apart")
    }
    let scope = ParameterScope()
    classifier = Classifier(
      scope, backbone: configuration.network.chosen.backbone(scope), classes: classes.count)
    student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    (settings, patch, seed) = (
      configuration.supervised, configuration.network.imagePatch, UInt64(configuration.seed)
    )
    criterion = SmoothedCrossEntropy(
      Float(settings.labelSmoothing), convention: settings.smoothing == .all ? .all : .others)
  }

  /// Where the backbone normalises with its batch, or images of a batch are mixed.
  public var couplesImages: Bool {
    (!student.buffers.isEmpty && settings.trains == .network) || !mixings.isEmpty
  }

  /// The mean cross-entropy over the views of the batch's images.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let known = views.samples.map { labels[$0] }
    var targets = SoftLabels.oneHot(known, classes: classes.count)
    var images = views.groups[0]
    if let mixing = mixing(at: now.step) {
      let batch = MultiViewBatch(
        groups: [group(images, views: views.globalViews)], batchSize: views.images, samples: views.samples)
      let mixed = mixing.mixed(batch, labels: targets, seed: seed, step: now.step)
      (images, targets) = (mixed.batch.groups[0].patches, mixed.labels)
    }
    let logits = self.logits(images, pass)
    let right = zip(ClassPrediction.of(logits.value), known).count { $0.label == $1 }
    accuracy = 100 * Double(right) / Double(known.count)
    return criterion(
      logits, probabilities: targets.repeated(views.globalViews), temperature: Float(settings.temperature))
  }

  private func logits(_ images: Tensor, _ pass: Pass) -> Variable {
    switch settings.trains {
    case .network: return classifier(images, pass)
    case .head:
      let frozen = Pass(student, mode: .evaluation, precision: pass.precision)
      let features = classifier.backbone.features(images, first: 0, frozen).value
      return classifier.layer(Variable(features), pass)
    }
  }

  /// The mixings that are on.
  private var mixings: [any BatchMixing] {
    var mixings: [any BatchMixing] = []
    if let alpha = settings.mixup.value { mixings.append(Mixup(alpha: alpha)) }
    if let alpha = settings.cutmix.value { mixings.append(CutMix(alpha: alpha)) }
    return mixings
  }

  /// The one of them that this step's batch takes.
  private func mixing(at step: Int) -> (any BatchMixing)? {
    let mixings = mixings
    if mixings.count < 2 { return mixings.first }
    var generator = KeyedGenerator(seed: seed, purpose: .mixing, step, 1)
    return mixings[generator.uniform() < 0.5 ? 0 : 1]
  }

  private func group(_ patches: Tensor, views: Int) -> ViewGroup {
    let grid = Int(Double(patches.shape[1]).squareRoot().rounded())
    return ViewGroup(views: views, side: grid * patch, patch: patch, patches: patches)
  }

  /// The backbone, where only the head learns.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool {
    settings.trains == .head && !parameter.name.hasPrefix(Classifier.name + ".")
  }

  /// Nothing is left to do.
  public mutating func didStep(_ now: Moment) {}
  /// No network besides the student.
  public var networks: [(name: String, store: ParameterStore)] { [] }
  /// Nothing besides the network.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// Nothing besides the network.
  public mutating func restore(_ state: [String: Tensor]) {}
  /// How many of the batch's images were told right, as augmented.
  public var measures: [(name: String, value: Double)] { [("trainTop1", accuracy)] }
}

extension BatchMixing {
  /// The batch and its labels mixed: for a mixing whose type is not known.
  fileprivate func mixed(
    _ batch: MultiViewBatch, labels: Tensor, seed: UInt64, step: Int
  ) -> (batch: MultiViewBatch, labels: Tensor) {
    batch.mixed(by: self, labels: labels, seed: seed, step: step)
  }
}

extension Tensor {
  /// All rows again and again: [N, C] -> [times · N, C].
  fileprivate func repeated(_ times: Int) -> Tensor {
    if times == 1 { return self }
    return Tensor(Array(repeatElement(array, count: times).joined()), [times * shape[0], shape[1]])
  }
}
