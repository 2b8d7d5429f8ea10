import EmanateAutograd
import EmanateConfiguration
import EmanateData
import EmanateKernels
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// Mean Teacher: semi-supervised learning from a few labels (Tarvainen and Valpola 2017, arXiv:1703.01780, section 2).
///
/// The student classifies one view of an image, its moving average another; the student learns from labels where there
/// are any, and everywhere to agree with the teacher. Total: classification + w(t) · consistency.
public struct MeanTeacher: Method {
  /// `mean-teacher`.
  public static let name = "mean-teacher"
  /// Only where the backbone normalises with its batch.
  public var couplesImages: Bool { !student.buffers.isEmpty }

  /// The architecture that student and teacher share, and its classifier.
  public let backbone: any Backbone
  let classifier: Linear
  /// The folder's classes: the logits' order.
  public let classes: [String]
  /// The weights that the optimizer changes.
  public let student: ParameterStore
  /// The moving average of the student's weights.
  public let teacher: ParameterStore
  /// The class of each of the folder's images, nil for those whose class is hidden.
  public let labels: [Int?]
  private let weight: Double
  private let rampShare: Double
  private var terms: [(name: String, value: Double)] = []
  private var (studentNotes, teacherNotes) = (FeatureNotes(), FeatureNotes())

  /// The classes are those of the folder; all labels but `meanTeacher.labelledShare` of each class are hidden, drawn by
  /// the seed.
  ///
  /// - Throws: `ImageFolderError` if an image has no class.
  public init(_ configuration: ExperimentConfiguration, _ folder: ImageFolder) throws(ImageFolderError) {
    let settings = configuration.meanTeacher
    let scope = ParameterScope()
    backbone = configuration.network.chosen.backbone(scope)
    classifier = Linear(scope.scope(Classifier.name), from: backbone.width, to: max(1, folder.classes.count))
    student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    teacher = student.copied()
    classes = folder.classes
    labels = Self.hidden(try folder.labels(), share: settings.labelledShare, seed: UInt64(configuration.seed))
    (weight, rampShare) = (settings.consistencyWeight, settings.rampShare)
  }

  /// Keeps a share of each class's labels, one at least.
  private static func hidden(_ labels: [Int], share: Double, seed: UInt64) -> [Int?] {
    var kept = [Int?](repeating: nil, count: labels.count)
    for (label, rows) in Dictionary(grouping: labels.indices, by: { labels[$0] }) {
      var order = KeyedGenerator(seed: seed, purpose: .labels, label)
      let count = max(1, Int((Double(rows.count) * share).rounded()))
      for place in order.permutation(rows.count).prefix(count) { kept[rows[place]] = label }
    }
    return kept
  }

  /// Classification of the first view where the class is known, and its consistency with the teacher's second view.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let (images, group) = (views.images, views.groups[0])
    precondition(
      views.globalViews >= 2 && views.samples.count == images,
      "MeanTeacher: \(views.globalViews) views of \(images) images, \(views.samples.count) rows")
    let targets = teacher.asTeacher(pass.precision) {
      let features = backbone.features(group[rows: images..<2 * images], first: images, $0)
      teacherNotes.add(features.value)
      return classifier(features, $0).value
    }
    let features = backbone.features(group[rows: 0..<images], first: 0, pass)
    studentNotes.add(features.value)
    let logits = classifier(features, pass)
    let known = views.samples.map { labels[$0] }
    let ramp = rampShare > 0 ? ConsistencyLoss.rampUp(at: now.progress / rampShare) : 1
    let consistency = ConsistencyLoss()(logits, teacher: targets)
    terms = [("consistency", Double(consistency.scalar)), ("consistencyWeight", weight * ramp)]
    let classification = LabelledCrossEntropy()(logits, labels: known)
    terms.append(("classification", Double(classification.scalar)))
    return add(
      classification, weightedSum(consistency, weights: Tensor([Float(weight * ramp)], [1])))
  }

  /// Nothing is left alone.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }

  /// The teacher, with the moment's `teacherMomentum`.
  public func movingAverage(_ now: Moment) -> MovingAverage? {
    MovingAverage(teacher, momentum: now.teacherMomentum)
  }

  /// Closes the batch's notes.
  public mutating func didStep(_ now: Moment) {
    studentNotes.batchDidEnd()
    teacherNotes.batchDidEnd()
  }
  /// The teacher.
  public var networks: [(name: String, store: ParameterStore)] { [("teacher", teacher)] }
  /// Nothing besides the networks.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// Nothing besides the networks.
  public mutating func restore(_ state: [String: Tensor]) {}
  /// The terms of the last loss.
  public var measures: [(name: String, value: Double)] { terms }

  /// Features of the student's and of the teacher's view.
  public var outputs: MethodOutputs {
    MethodOutputs(student: studentNotes.features, teacher: teacherNotes.features)
  }
}
