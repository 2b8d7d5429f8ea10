import EmanateInterchange
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors
import EmanateTraining
import TestSupport
import Testing

/// The golden run: a small DINO, ten whole steps on given views.
private struct TenSteps {
  enum Mutation: CaseIterable { case none, noBiasCorrection, earlyCenter, decayOnBiases }

  let store: ParameterStore
  let start: Tensor
  var step: TrainingStep<DINO>
  var losses: [Double] = []

  init(_ mutation: Mutation) throws {
    let scope = ParameterScope()
    let backbone = VisionTransformer(scope, .init(width: 48, depth: 2, heads: 3, patch: 4, side: 16))
    let encoder = Encoder(scope, backbone: backbone, head: .init(hidden: 64, bottleneck: 32, prototypes: 128))
    store = hashFilledStore(scope)
    start = store.values.copied()
    var method = DINO(encoder: encoder, student: store, criterion: DINOLoss(prototypes: 128))
    method.centersEarly = mutation == .earlyCenter
    var options = AdamW.Options()
    options.correctsBias = mutation != .noBiasCorrection
    options.decaysEverything = mutation == .decayOnBiases
    step = TrainingStep(method, optimizer: AdamW(store, options), seed: 0)
    for number in 0..<10 {
      let views = Views(
        groups: [
          patchRows(of: hashFilled("step.\(number).global", [8, 3, 16, 16]), patch: 4),
          patchRows(of: hashFilled("step.\(number).local", [16, 3, 8, 8]), patch: 4),
        ], globalViews: 2)
      let now = Moment(
        step: number, epoch: 0, learningRate: 1e-3, weightDecay: 0.1, teacherMomentum: 0.9,
        teacherTemperature: 0.04,
        isLastLayerFrozen: false, clip: 3)
      losses.append(try step(views, now).loss)
    }
  }

  /// The worst relative difference of any tensor's change, over student, teacher and both moments.
  func worst(_ golden: SafetensorsContents) throws -> (Double, String) {
    var worst = (0.0, "")
    func compare(_ actual: Tensor, _ name: String) throws {
      let error = relativeError(actual, try golden.tensor(name))
      if error > worst.0 { worst = (error, name) }
    }
    for parameter in store.parameters {
      if parameter.name.hasSuffix("weight_g") {
        #expect(store[parameter].array.allSatisfy { $0 == 1 }, "frozen gains stay")
        continue
      }
      try compare(change(store[parameter], start[of: parameter]), "student.\(parameter.name)")
      try compare(change(step.method.teacher[parameter], start[of: parameter]), "teacher.\(parameter.name)")
      for (name, buffer) in step.optimizer.state {
        try compare(buffer[of: parameter], "\(name).\(parameter.name)")
      }
    }
    return worst
  }

  private func change(_ now: Tensor, _ then: Tensor) -> Tensor {
    Tensor(zip(now.array, then.array).map { $0 - $1 }, now.shape)
  }
}

@Suite struct TenStepsParity {
  private let golden: SafetensorsContents

  init() throws { golden = try Safetensors.read(goldenPath("parity/ten_steps.safetensors")) }

  @Test func `ten steps of DINO give PyTorch's losses, weights, teacher, moments and center`() throws {
    let run = try TenSteps(.none)
    for (loss, expected) in zip(run.losses, try golden.tensor("losses").array) {
      #expect(abs(loss - Double(expected)) < 1e-4, "\(run.losses)")
    }
    let (error, name) = try run.worst(golden)
    #expect(error <= 1e-2, "\(name): \(error)")
    print("ten steps: worst relative difference of a change \(error) (\(name))")
    #expect(relativeError(run.step.method.criterion.center, try golden.tensor("center")) < 1e-3)
  }

  @Test(arguments: [TenSteps.Mutation.noBiasCorrection, .earlyCenter, .decayOnBiases])
  fileprivate func `a mutated step fails the comparison`(mutation: TenSteps.Mutation) throws {
    let (error, name) = try TenSteps(mutation).worst(golden)
    #expect(error > 1e-2, "\(mutation) shows nowhere; worst \(error) at \(name)")
    print("ten steps, \(mutation): \(error) (\(name))")
  }
}
