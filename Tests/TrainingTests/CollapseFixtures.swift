import EmanateAutograd
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors
import EmanateTraining

/// Two views of each of sixteen of 64 images: an image's own pattern, the same in every patch, and noise that is
/// another one in each view and patch.
func patternViews(step: Int, noise level: Double = 0.5) -> Views {
  let (batch, views, numbers) = (16, 2, 16 * 48)
  var values: [Float] = []
  for view in 0..<views {
    for place in 0..<batch {
      let image = (step * batch + place) % 64
      var pattern = KeyedGenerator(seed: 1, purpose: .views, image)
      var noise = KeyedGenerator(seed: 2, purpose: .views, step, place, view)
      let patch = (0..<48).map { _ in pattern.normal() }
      for number in 0..<numbers { values.append(Float(patch[number % 48] + level * noise.normal())) }
    }
  }
  return Views(groups: [Tensor(values, [views * batch, 16, 48])], globalViews: 2)
}

/// What a short training of a tiny network showed.
struct Watched {
  var verdicts: [CollapseWatch.Verdict] = []
  var last: CollapseWatch.Look?
  var watch = CollapseWatch()
  var targets: TargetStatistics?
}

/// Trains on `patternViews` and looks every ten steps.
func watch<M: EmanateMethods.Method>(
  _ method: M, steps: Int, learningRate: Double, teacherMomentum: Double = 0.99,
  teacherTemperature: Double = 0.04,
  noise: Double = 0.5, isOneBatch: Bool = false
) throws -> Watched {
  var step = TrainingStep(method, optimizer: AdamW(method.student), seed: 0)
  var watched = Watched()
  for index in 0..<steps {
    let moment = Moment(
      step: index, epoch: 0, learningRate: learningRate, weightDecay: 0.04, teacherMomentum: teacherMomentum,
      teacherTemperature: teacherTemperature, isLastLayerFrozen: false, clip: nil)
    let result = try step(patternViews(step: isOneBatch ? 0 : index, noise: noise), moment)
    watched.watch.note(loss: result.loss, outputs: step.method.outputs)
    if index % 10 == 0 || index == steps - 1 {
      let look = watched.watch.look(steps: index + 1)
      watched.verdicts.append(look.after)
      watched.last = look
    }
  }
  watched.targets = step.method.outputs.targets
  return watched
}

private func tinyBackbone(_ scope: ParameterScope) -> VisionTransformer {
  VisionTransformer(
    scope, VisionTransformerSizes(width: 32, depth: 2, heads: 2, patch: 4, side: 16, dropPath: 0))
}

func tinyDINO(centering: Centering = .ema) -> DINO {
  let scope = ParameterScope()
  var head = DINOHeadSizes()
  (head.hidden, head.bottleneck, head.prototypes) = (64, 32, 64)
  let encoder = Encoder(scope, backbone: tinyBackbone(scope), head: head)
  let store = ParameterStore(scope)
  store.initialize(seed: 0)
  return DINO(encoder: encoder, student: store, criterion: DINOLoss(prototypes: 64, centering: centering))
}

private func tinyPair(simSiam: Bool, normalizes: Bool = true) -> (PredictingEncoder, ParameterStore) {
  let scope = ParameterScope()
  var projector =
    simSiam
    ? MLPHead.Layer.simSiamProjector(hidden: 64, output: 32) : MLPHead.Layer.byol(hidden: 64, output: 32)
  if !normalizes { for place in projector.indices { projector[place].norm = .none } }
  let encoder = PredictingEncoder(
    scope, backbone: tinyBackbone(scope), projector: projector,
    predictor: simSiam
      ? MLPHead.Layer.simSiamPredictor(hidden: 16, output: 32) : MLPHead.Layer.byol(hidden: 64, output: 32))
  let store = ParameterStore(scope)
  store.initialize(seed: 0)
  return (encoder, store)
}

func tinyBYOL() -> BYOL {
  let (encoder, store) = tinyPair(simSiam: false)
  return BYOL(encoder: encoder, student: store, teacher: store.copied())
}

func tinySimSiam() -> SimSiam {
  let (encoder, store) = tinyPair(simSiam: true)
  return SimSiam(encoder: encoder, student: store)
}

/// BYOL or SimSiam without what keeps them from collapse.
struct Unguarded: EmanateMethods.Method {
  /// What is left out.
  enum Flaw { case byolPredictor, simSiamPredictor, stopGradient }

  static let name = "unguarded"
  let couplesImages = true
  let flaw: Flaw
  let encoder: PredictingEncoder
  let student: ParameterStore
  let teacher: ParameterStore
  var (features, averaged, projected) = (FeatureNotes(), FeatureNotes(), FeatureNotes())

  init(_ flaw: Flaw) {
    self.flaw = flaw
    (encoder, student) = tinyPair(simSiam: flaw != .byolPredictor, normalizes: false)
    teacher = student.copied()
  }

  mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let rows = views.images * views.globalViews
    var seen: [Tensor] = []
    let projections = encoder.projections(views.groups, images: views.images, pass) { seen.append($0) }
    features.add(seen, rows: rows)
    let z = concatenated(projections)
    projected.add([z.value], rows: rows)
    switch flaw {
    case .byolPredictor:
      seen = []
      let average = Pass(teacher, mode: .evaluation, statistics: .batch)
      let targets = concatenated(
        encoder.projections([views.groups[0]], images: views.images, average) { seen.append($0) }
      ).value
      averaged.add(seen, rows: rows)
      return BYOLLoss()(z, targets: targets, targetViews: views.globalViews)
    case .simSiamPredictor:
      return SimSiamLoss()(z, projections: z.value.copied(), projectedViews: views.globalViews)
    case .stopGradient:
      // The cosine is symmetric: its gradient by the projections is that of the loss with the roles changed.
      let p = concatenated(encoder.predictions(projections, pass))
      let (zValue, pValue) = (z.value.copied(), p.value.copied())
      return add(
        SimSiamLoss()(p, projections: zValue, projectedViews: views.globalViews),
        SimSiamLoss()(z, projections: pValue, projectedViews: views.globalViews))
    }
  }

  func movingAverage(_ now: Moment) -> MovingAverage? {
    flaw == .byolPredictor ? MovingAverage(teacher, momentum: now.teacherMomentum) : nil
  }
  func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }
  mutating func didStep(_ now: Moment) {
    features.batchDidEnd()
    averaged.batchDidEnd()
    projected.batchDidEnd()
  }
  var networks: [(name: String, store: ParameterStore)] { [("teacher", teacher)] }
  var state: [(name: String, tensor: Tensor)] { [] }
  mutating func restore(_ state: [String: Tensor]) {}
  var measures: [(name: String, value: Double)] { [] }
  var outputs: MethodOutputs {
    MethodOutputs(student: features.features, teacher: averaged.features, projections: projected.features)
  }
}
