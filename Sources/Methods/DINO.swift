import EmanateAutograd
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// DINO: self-distillation with no labels (Caron et al. 2021, arXiv:2104.14294, algorithm 1).
///
/// The student sees all views, the teacher the global ones; the teacher is the student's exponential moving
/// average.
public struct DINO: Method {
  /// `dino`.
  public static let name = "dino"
  /// With Sinkhorn-Knopp a target depends on the whole batch, with batch normalisation everything does; otherwise the
  /// loss is a mean over images, given the center of the step before.
  public var couplesImages: Bool {
    criterion.targets.centering == .sinkhorn || !student.buffers.isEmpty || koleoWeight > 0
  }

  /// The architecture that student and teacher share.
  public let encoder: Encoder
  /// The weights that the optimizer changes.
  public let student: ParameterStore
  /// The moving average of the student's weights.
  public let teacher: ParameterStore
  /// The loss with its center.
  public private(set) var criterion: DINOLoss
  private var (studentNotes, teacherNotes) = (FeatureNotes(), FeatureNotes())
  private let koleo = KoLeoLoss()
  private let koleoWeight: Float
  /// The last loss's terms, where it has two.
  private var terms: (dino: Double, koleo: Double)?
  /// Moves the center before the loss instead of after it; only a test does that.
  package var centersEarly = false

  /// Student and teacher of one encoder; the teacher starts as an exact copy. `koleoWeight` is what DINOv2 gives the loss
  /// that spreads the student's features of each global view, 0.1; DINO itself has none of it.
  public init(encoder: Encoder, student: ParameterStore, criterion: DINOLoss, koleoWeight: Float = 0) {
    self.encoder = encoder
    self.student = student
    teacher = student.copied()
    self.criterion = criterion
    self.koleoWeight = koleoWeight
  }

  /// The loss of all pairs of different views, one of them global.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let globals = views.groups[0]
    precondition(
      globals.shape[0] % views.globalViews == 0,
      "DINO: \(globals.shape[0]) rows are not \(views.globalViews) views")
    let batch = globals.shape[0] / views.globalViews
    let targets = teacher.asTeacher(pass.precision) {
      encoder([globals], $0) { teacherNotes.add($0.value) }.value
    }
    var features: Variable?
    let guesses = encoder(views.groups, pass) { features = features ?? $0 }
    studentNotes.add(features!.value)
    if koleoWeight == 0 || batch < 2 { features = nil }
    precondition(
      guesses.shape[0] % batch == 0, "DINO: \(guesses.shape[0]) rows are not whole views of \(batch)")
    if centersEarly { criterion.updateCenter(teacher: targets) }
    var loss = criterion(
      student: consume guesses, teacher: targets, globalViews: views.globalViews,
      teacherTemperature: Float(now.teacherTemperature))
    if !centersEarly { criterion.noteTeacher(targets) }
    if let features {
      let spread = koleo(features, crops: views.globalViews)
      terms = (Double(loss.scalar), Double(spread.scalar))
      loss = add(loss, weightedSum(spread, weights: Tensor([koleoWeight], [1])))
    }
    return loss
  }

  /// DINO drops the last layer's gradients during the first epochs (utils.py, `cancel_gradients_last_layer`).
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool {
    now.isLastLayerFrozen && parameter.name.hasPrefix("head.last_layer.")
  }

  /// The teacher, with the moment's `teacherMomentum`.
  public func movingAverage(_ now: Moment) -> MovingAverage? {
    MovingAverage(teacher, momentum: now.teacherMomentum)
  }

  /// Moves the center.
  public mutating func didStep(_ now: Moment) {
    criterion.moveCenter()
    studentNotes.batchDidEnd()
    teacherNotes.batchDidEnd()
  }

  /// The teacher.
  public var networks: [(name: String, store: ParameterStore)] { [("teacher", teacher)] }

  /// The center, [K], where the teacher is centered by one.
  public var state: [(name: String, tensor: Tensor)] { criterion.targets.state }

  /// Puts a saved center back.
  public mutating func restore(_ state: [String: Tensor]) {
    if let center = state["center"] { criterion.setCenter(center) }
  }

  /// The loss's measures of the last batch.
  public var measures: [(name: String, value: Double)] {
    (terms.map { [("dinoLoss", $0.dino), ("koleoLoss", $0.koleo)] } ?? []) + criterion.measures
  }

  /// Features of the global views by both networks, and the targets.
  public var outputs: MethodOutputs {
    MethodOutputs(
      student: studentNotes.features, teacher: teacherNotes.features, targets: criterion.targets.statistics,
      targetLoss: terms?.dino)
  }
}
