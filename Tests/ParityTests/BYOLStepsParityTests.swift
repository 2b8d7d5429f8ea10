import EmanateInterchange
import EmanateMethods
import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import EmanateTraining
import TestSupport
import Testing

/// The golden run: five whole steps of BYOL over a residual network, on given views.
private struct FiveSteps {
  let start: (online: ParameterStore, target: ParameterStore)
  let online, target: ParameterStore
  var losses: [Double] = []

  /// `thin`: four channels in the first stage, views of 16 pixels, target and online network alike at first. Otherwise the
  /// published ResNet-18, views of 64 pixels, and a target network of its own.
  init(isThin: Bool, _ mutation: BYOLMutation? = nil) throws {
    let scope = ParameterScope()
    let sizes = ResNetSizes(
      .basic, [2, 2, 2, 2], stem: isThin ? .cifar : .imageNet, channels: isThin ? 4 : 64)
    let layers = MLPHead.Layer.byol(hidden: isThin ? 24 : 256, output: isThin ? 12 : 32)
    let encoder = PredictingEncoder(
      scope, backbone: ResNet(scope, sizes), projector: layers, predictor: layers)
    (online, target) = (Self.gates(scope), Self.gates(scope, prefix: isThin ? "" : "other."))
    start = (online.copied(), target.copied())
    var options = LARS.Options()
    (options.momentum, options.trustCoefficient, options.ratio) = (0.9, 1e-3, .update)
    let optimizer = LARS(online, options)
    let method = BYOL(encoder: encoder, student: online, teacher: target)
    if let mutation {
      try run(
        TrainingStep(
          MutatedBYOL(mutation: mutation, encoder: encoder, student: online, teacher: target),
          optimizer: MutatedLARS(mutation: mutation, base: optimizer), seed: 0),
        side: 16, batch: 8)
    } else {
      try run(
        TrainingStep(method, optimizer: optimizer, seed: 0), side: isThin ? 16 : 64, batch: isThin ? 8 : 4)
    }
  }

  private mutating func run<M>(_ step: TrainingStep<M>, side: Int, batch: Int) throws {
    var step = step
    let (rate, momentum) = (
      Schedule.cosine(from: 1, to: 0, steps: 5), Schedule.cosine(from: 0.9, to: 1, steps: 5)
    )
    for number in 0..<5 {
      let images = hashFilled("step.\(number)", [2 * batch, 3, side, side])
      let now = Moment(
        step: number, epoch: 0, learningRate: rate(number), weightDecay: 0.01,
        teacherMomentum: momentum(number),
        teacherTemperature: 1, isLastLayerFrozen: false, clip: nil)
      losses.append(try step(Views(groups: [patchRows(of: images, patch: 1)], globalViews: 2), now).loss)
    }
  }

  private static func gates(_ scope: ParameterScope, prefix: String = "") -> ParameterStore {
    let store = ParameterStore(scope)
    for parameter in store.parameters {
      let fill = parameter.shape.rank == 1 ? hashFilledGate : hashFilledParameter
      store.set(parameter, to: fill(prefix + parameter.name, parameter.shape))
    }
    for buffer in store.buffers {
      store.set(buffer, to: hashFilledParameter(prefix + buffer.name, buffer.shape))
    }
    return store
  }

  /// How far a run is from the golden one.
  struct Distance {
    /// The worst relative difference of any parameter's change and of any buffer, of both networks.
    var worst = 0.0
    var name = ""
    /// The largest norm among changes that should be zero: a bias that a normalisation follows has no gradient.
    var rounding = 0.0
  }

  func distance(_ golden: SafetensorsContents, prefix: String) throws -> Distance {
    var result = Distance()
    for (network, now, then) in [("online", online, start.online), ("target", target, start.target)] {
      for (name, tensor) in now.tensors {
        var found = tensor.array.map(Double.init)
        if let parameter = then.parameter(named: name) {
          found = zip(found, then[parameter].array).map { $0 - Double($1) }
        }
        let key = "\(prefix)\(network).\(name)"
        let expected = try golden.tensor(key).array.map(Double.init)
        if length(expected) < 1e-9 {
          result.rounding = max(result.rounding, length(found))
          continue
        }
        let error = difference(found, expected, places: name)
        if error > result.worst { (result.worst, result.name) = (error, key) }
      }
    }
    return result
  }

  /// Of whole tensors, or of norm, sum and 64 sampled numbers of large ones.
  private func difference(_ found: [Double], _ expected: [Double], places name: String) -> Double {
    if found.count == expected.count {
      return length(zip(found, expected).map { $0 - $1 }) / length(expected)
    }
    let (size, root) = (expected[0], Double(found.count).squareRoot())
    let sampled = zip(hashedPlaces(name, count: found.count), expected[2...]).map { found[$0] - $1 }
    return max(
      abs(length(found) - size) / size, abs(found.reduce(0, +) - expected[1]) / (size * root),
      length(sampled) / length(Array(expected[2...])))
  }

  private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

@Suite struct BYOLStepsParity {
  private let golden: SafetensorsContents

  init() throws { golden = try Safetensors.read(goldenPath("parity/byol_steps.safetensors")) }

  /// Four times what a float32 run of PyTorch differs from these float64 numbers, as the fixture's metadata say, and
  /// never above a hundredth.
  private func expectNear(_ run: FiveSteps, isThin: Bool) throws {
    let distance = try run.distance(golden, prefix: isThin ? "thin." : "full.")
    #expect(distance.worst < (isThin ? 1.3e-3 : 1e-2) && distance.rounding < 1.2e-4, "\(distance)")
    print("BYOL, five steps: \(distance)")
  }

  @Test(arguments: [true, false])
  func
    `five steps of BYOL with a ResNet-18 give PyTorch's losses, both networks and their running statistics`(
      isThin: Bool
    ) throws
  {
    let run = try FiveSteps(isThin: isThin)
    let expected = try golden.tensor((isThin ? "thin." : "full.") + "losses").array
    #expect(expected.count == run.losses.count && Set(expected).count == 5)
    for (loss, wanted) in zip(run.losses, expected) {
      #expect(abs(loss - Double(wanted)) < 1.4e-5 * Double(wanted), "\(run.losses)")
    }
    try expectNear(run, isThin: isThin)
  }

  @Test func `BYOL as the mutants are made of it passes the comparison`() throws {
    try expectNear(FiveSteps(isThin: true, BYOLMutation.none), isThin: true)
  }

  @Test(arguments: BYOLMutation.allCases.filter { $0 != .none })
  func `a mutated BYOL fails the comparison`(mutation: BYOLMutation) throws {
    let distance = try FiveSteps(isThin: true, mutation).distance(golden, prefix: "thin.")
    #expect(distance.worst > 3e-2, "\(mutation) shows nowhere; \(distance)")
    print("BYOL, \(mutation): \(distance)")
  }
}
