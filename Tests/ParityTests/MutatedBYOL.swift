import EmanateAutograd
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// What can go wrong in a BYOL and must show in a comparison with the published one.
enum BYOLMutation: CaseIterable {
  /// Nothing; the mutant itself must then be BYOL, or it would prove nothing.
  case none
  /// The target network moves toward the online network of the step before.
  case earlyAverage
  /// The second view predicts the first, and not the first the second.
  case oneDirection
  /// Batch normalisations take both views as one batch.
  case sharedStatistics
  /// Biases and gains are decayed like weights.
  case decayOnBiases
  /// The target network normalises with its running statistics.
  case runningTarget
  /// The target network's running statistics follow the online network's.
  case averagedBuffers
}

/// BYOL written once more, with a mistake in it.
struct MutatedBYOL: EmanateMethods.Method {
  static let name = "mutated"
  let mutation: BYOLMutation
  let encoder: PredictingEncoder
  let student, teacher: ParameterStore
  var couplesImages: Bool { true }

  mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    // What shares statistics are the views that are taken as one of all images.
    let images = mutation == .sharedStatistics ? views.images * views.globalViews : views.images
    var targets: Tensor
    var updates: [BufferUpdate]
    do {
      let targetPass = Pass(
        teacher, mode: .evaluation, statistics: mutation == .runningTarget ? .running : .batch)
      targets = concatenated(encoder.projections(views.groups, images: images, targetPass)).value
      updates = targetPass.bufferUpdates
    }
    teacher.apply(updates)
    let projections = encoder.projections(views.groups, images: images, pass)
    let predictions = concatenated(encoder.predictions(projections, pass))
    if mutation == .oneDirection {
      return BYOLLoss()(predictions, targets: targets[rows: 0..<views.images], targetViews: 1)
    }
    return BYOLLoss()(predictions, targets: targets, targetViews: views.globalViews)
  }

  func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }
  func movingAverage(_ now: Moment) -> MovingAverage? {
    MovingAverage(teacher, momentum: now.teacherMomentum)
  }

  mutating func didStep(_ now: Moment) {
    guard mutation == .averagedBuffers else { return }
    let momentum = Float(now.teacherMomentum)
    for buffer in teacher.buffers {
      let moved = zip(teacher[buffer].array, student[buffer].array).map {
        momentum * $0 + (1 - momentum) * $1
      }
      teacher.set(buffer, to: Tensor(moved, buffer.shape))
    }
  }

  var networks: [(name: String, store: ParameterStore)] { [] }
  var state: [(name: String, tensor: Tensor)] { [] }
  mutating func restore(_ state: [String: Tensor]) {}
  var measures: [(name: String, value: Double)] { [] }
}

/// LARS with a mistake before it or after it.
struct MutatedLARS: Optimizer {
  let mutation: BYOLMutation
  var base: LARS

  mutating func step(
    _ store: ParameterStore, gradients: Tensor, at rates: StepRates, clipping: GradientClipping,
    followedBy average: MovingAverage?, isSkipped: (Parameter) -> Bool
  ) -> Double {
    var gradients = gradients
    if mutation == .decayOnBiases {
      gradients = gradients.copied()
      gradients.withMutableElements { g in
        for parameter in store.parameters where !parameter.isDecayed {
          for (place, weight) in zip(parameter.part, store[parameter].array) {
            g[place] += Float(rates.weightDecay) * weight
          }
        }
      }
    }
    let isEarly = mutation == .earlyAverage
    if isEarly, let average { average.store.move(toward: store, momentum: average.momentum) }
    return base.step(
      store, gradients: gradients, at: rates, clipping: clipping, followedBy: isEarly ? nil : average,
      isSkipped: isSkipped)
  }

  var state: [(name: String, buffer: Tensor)] { base.state }
  var updates: [Int] { base.updates }
  mutating func restore(_ state: [String: Tensor], updates: [Int]) { base.restore(state, updates: updates) }
}
