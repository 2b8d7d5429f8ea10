import EmanateAutograd
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors
import EmanateTraining
import TestSupport
import Testing

/// What saves memory must not change what is learned.
@Suite struct StepMemoryTests {
  /// Six images, two global and three local views each, with stochastic depth.
  private func steps(_ memory: TrainingStep<DINO>.Memory, _ count: Int = 2) throws -> TrainingStep<DINO> {
    let (method, store) = method(.ema)
    var step = TrainingStep(method, optimizer: AdamW(store), seed: 5, memory: memory)
    for index in 0..<count {
      let views = Views(
        groups: [hashFilled("global\(index)", [12, 16, 48]), hashFilled("local\(index)", [18, 4, 48])],
        globalViews: 2)
      _ = try step(
        views,
        Moment(
          step: index, epoch: 0, learningRate: 1e-3, weightDecay: 0.04, teacherMomentum: 0.9,
          teacherTemperature: 0.07, isLastLayerFrozen: false, clip: 3))
    }
    return step
  }

  private func method(_ centering: Centering) -> (DINO, ParameterStore) {
    let scope = ParameterScope()
    let sizes = VisionTransformerSizes(width: 24, depth: 4, heads: 2, patch: 4, side: 16, dropPath: 0.4)
    var head = DINOHeadSizes()
    (head.hidden, head.bottleneck, head.prototypes) = (32, 16, 48)
    let encoder = Encoder(scope, backbone: VisionTransformer(scope, sizes), head: head)
    let store = ParameterStore(scope)
    store.initialize(seed: 3)
    let criterion = DINOLoss(prototypes: 48, centering: centering)
    return (DINO(encoder: encoder, student: store, criterion: criterion), store)
  }

  @Test func `blocks that are computed twice give the same bits`() throws {
    let kept = try steps(.init())
    let recomputed = try steps(.init(recomputes: true))
    #expect(kept.gradients.array == recomputed.gradients.array)
    for parameter in kept.method.student.parameters {
      #expect(kept.method.student[parameter].array == recomputed.method.student[parameter].array)
    }
    #expect(kept.method.criterion.center.array == recomputed.method.criterion.center.array)
  }

  @Test(arguments: [2, 3, 4, 6], [false, true])
  func `a batch in parts gives the gradients, center and entropy of the undivided one`(
    parts: Int, recomputes: Bool
  ) throws {
    let whole = try steps(.init(), 1)
    let divided = try steps(.init(recomputes: recomputes, parts: parts), 1)
    #expect(relativeError(divided.gradients, whole.gradients) < 1e-5)
    #expect(relativeError(divided.method.criterion.center, whole.method.criterion.center) < 1e-6)
    for (a, b) in zip(divided.method.measures, whole.method.measures) {
      #expect(a.name == b.name && abs(a.value - b.value) <= 1e-5 * abs(b.value))
    }
  }

  @Test func `a method that couples the images of a batch is not computed in parts`() {
    #expect(TrainingStep.canServe(.init(parts: 4), Coupled(couplesImages: false)))
    #expect(!TrainingStep.canServe(.init(parts: 4), Coupled(couplesImages: true)))
    for (centering, couples) in [(Centering.ema, false), (.sinkhorn, true), (.off, false)] {
      #expect(TrainingStep.canServe(.init(parts: 2), method(centering).0) == !couples)
    }
    #expect(TrainingStep.canServe(.init(recomputes: true, parts: 1), Coupled(couplesImages: true)))
  }
}

/// A method whose loss is a mean over images, or is not.
private struct Coupled: EmanateMethods.Method {
  static let name = "coupled"
  let couplesImages: Bool
  let student = ParameterStore(ParameterScope())
  mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable { Variable(Tensor([0], [1])) }
  func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }
  mutating func didStep(_ now: Moment) {}
  var networks: [(name: String, store: ParameterStore)] { [] }
  var state: [(name: String, tensor: Tensor)] { [] }
  mutating func restore(_ state: [String: Tensor]) {}
  var measures: [(name: String, value: Double)] { [] }
}
