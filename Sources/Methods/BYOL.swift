import EmanateAutograd
import EmanateConfiguration
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// BYOL: bootstrap your own latent (Grill et al. 2020, arXiv:2006.07733, section 3).
///
/// The online network predicts, from one view, the target network's projection of another; the target network is the
/// online network's exponential moving average.
public struct BYOL: Method {
  /// `byol`.
  public static let name = "byol"
  /// The heads normalise with their batch.
  public var couplesImages: Bool { true }

  /// The architecture that both networks share; the target network's predictor is not used.
  public let encoder: PredictingEncoder
  /// The online network's weights.
  public let student: ParameterStore
  /// The target network's: a moving average of parameters, with running statistics of its own.
  public let teacher: ParameterStore
  private let criterion = BYOLLoss()
  private var (studentNotes, teacherNotes, projectionNotes) = (FeatureNotes(), FeatureNotes(), FeatureNotes())

  /// Online and target network of one encoder. The authors draw the target's first weights independently of the online
  /// network's; give the same store's copy for others.
  public init(encoder: PredictingEncoder, student: ParameterStore, teacher: ParameterStore) {
    (self.encoder, self.student, self.teacher) = (encoder, student, teacher)
  }

  /// The loss of all pairs of different views whose second is global.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let images = views.images
    var seen: [Tensor] = []
    let targets = teacher.asTeacher(pass.precision) {
      concatenated(encoder.projections([views.groups[0]], images: images, $0) { seen.append($0) }).value
    }
    teacherNotes.add(seen, rows: images * views.globalViews)
    seen = []
    let projections = encoder.projections(views.groups, images: images, pass) { seen.append($0) }
    studentNotes.add(seen, rows: images * views.globalViews)
    seen = []
    projectionNotes.add(projections.map(\.value), rows: images * views.globalViews)
    let predictions = concatenated(encoder.predictions(projections, pass))
    return criterion(predictions, targets: targets, targetViews: views.globalViews)
  }

  /// Nothing is left alone.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }

  /// The target network, with the moment's `teacherMomentum`.
  public func movingAverage(_ now: Moment) -> MovingAverage? {
    MovingAverage(teacher, momentum: now.teacherMomentum)
  }

  /// Closes the batch's notes.
  public mutating func didStep(_ now: Moment) {
    studentNotes.batchDidEnd()
    teacherNotes.batchDidEnd()
    projectionNotes.batchDidEnd()
  }

  /// The target network.
  public var networks: [(name: String, store: ParameterStore)] { [("teacher", teacher)] }
  /// Nothing besides the networks.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// Nothing besides the networks.
  public mutating func restore(_ state: [String: Tensor]) {}
  /// None.
  public var measures: [(name: String, value: Double)] { [] }

  /// Features of the global views by both networks, and the online network's projections.
  public var outputs: MethodOutputs {
    MethodOutputs(
      student: studentNotes.features, teacher: teacherNotes.features, projections: projectionNotes.features)
  }
}

extension BYOL {
  /// Both networks as a configuration asks, drawn by its seed and by the one after it.
  public init(_ configuration: ExperimentConfiguration) {
    let settings = configuration.projector
    let output = settings.output.value ?? 256
    let scope = ParameterScope()
    let encoder = PredictingEncoder(
      scope, backbone: configuration.network.chosen.backbone(scope),
      projector: MLPHead.Layer.byol(hidden: settings.hidden.value ?? 4096, output: output),
      predictor: MLPHead.Layer.byol(hidden: settings.predictorHidden.value ?? 4096, output: output))
    let student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    let teacher = student.copied()
    if settings.independentTarget { teacher.initialize(seed: UInt64(configuration.seed) &+ 1) }
    self.init(encoder: encoder, student: student, teacher: teacher)
  }
}
