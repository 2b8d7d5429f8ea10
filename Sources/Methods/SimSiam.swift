import EmanateAutograd
import EmanateConfiguration
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// SimSiam: siamese networks without a moving average (Chen and He 2021, arXiv:2011.10566, algorithm 1).
///
/// The control that shows what a teacher buys: each view predicts the other's projection by the same network, through
/// which no gradient flows back.
public struct SimSiam: Method {
  /// `simsiam`.
  public static let name = "simsiam"
  /// The heads normalise with their batch.
  public var couplesImages: Bool { true }

  /// The architecture.
  public let encoder: PredictingEncoder
  /// Its weights.
  public let student: ParameterStore
  private let criterion = SimSiamLoss()
  private var (featureNotes, projectionNotes) = (FeatureNotes(), FeatureNotes())

  /// One network.
  public init(encoder: PredictingEncoder, student: ParameterStore) {
    (self.encoder, self.student) = (encoder, student)
  }

  /// The loss of all pairs of different views whose second is global.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    var seen: [Tensor] = []
    let projections = encoder.projections(views.groups, images: views.images, pass) { seen.append($0) }
    featureNotes.add(seen, rows: views.images * views.globalViews)
    seen = []
    projectionNotes.add(projections.map(\.value), rows: views.images * views.globalViews)
    let predictions = concatenated(encoder.predictions(projections, pass))
    let targets = concatenated(projections.prefix(views.globalViews).map { Variable($0.value) }).value
    return criterion(predictions, projections: targets, projectedViews: views.globalViews)
  }

  /// Nothing is left alone.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }
  /// Closes the batch's notes.
  public mutating func didStep(_ now: Moment) {
    featureNotes.batchDidEnd()
    projectionNotes.batchDidEnd()
  }
  /// There is no other network.
  public var networks: [(name: String, store: ParameterStore)] { [] }
  /// Nothing besides the network.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// Nothing besides the network.
  public mutating func restore(_ state: [String: Tensor]) {}
  /// None.
  public var measures: [(name: String, value: Double)] { [] }

  /// Features and projections of the global views.
  public var outputs: MethodOutputs {
    MethodOutputs(student: featureNotes.features, projections: projectionNotes.features)
  }
}

extension SimSiam {
  /// The network as a configuration asks, drawn by its seed.
  public init(_ configuration: ExperimentConfiguration) {
    let settings = configuration.projector
    let output = settings.output.value ?? 2048
    let scope = ParameterScope()
    let encoder = PredictingEncoder(
      scope, backbone: configuration.network.chosen.backbone(scope),
      projector: MLPHead.Layer.simSiamProjector(hidden: settings.hidden.value ?? 2048, output: output),
      predictor: MLPHead.Layer.simSiamPredictor(hidden: settings.predictorHidden.value ?? 512, output: output)
    )
    let student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    self.init(encoder: encoder, student: student)
  }
}
