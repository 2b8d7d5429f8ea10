import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// Gradients of features by the images themselves, of every architecture.
@Suite struct InputGradientTests {
  static let names = [
    "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "convnext_tiny", "vit_micro",
  ]

  /// A network of hash-filled numbers whose channels are wholly on or off, so that no small step crosses a kink.
  private func network(_ name: String, _ stem: ResNetSizes.Stem) throws -> (any Backbone, ParameterStore) {
    var choices = ArchitectureChoices()
    (choices.side, choices.patch, choices.stem) = (32, 8, stem)
    choices.channels = name.hasPrefix("resnet") ? 8 : nil
    choices.depth = name.hasPrefix("vit") ? 2 : nil
    let architecture = try #require(ArchitectureRegistry.entry(named: name)).make(choices)
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let store = ParameterStore(scope)
    for parameter in store.parameters {
      let isNorm = parameter.shape.rank == 1 && backbone.normalizesBatches
      store.set(
        parameter,
        to: isNorm
          ? hashFilledGate(parameter.name, parameter.shape)
          : hashFilledParameter(parameter.name, parameter.shape))
    }
    // Running statistics near those of a batch, or a deep network's numbers fade away; a rest of the first variance
    // stays, or channels that never change are blown up. MobileNetV3's move by a hundredth each time, others' by a tenth.
    if backbone.normalizesBatches {
      let images = patchRows(of: hashFilled("batch", [6, 3, 32, 32]), patch: backbone.patch)
      let updates = {
        let pass = Pass(store, mode: .training)
        _ = backbone.features(images, first: 0, pass)
        return pass.bufferUpdates
      }()
      for _ in 0..<(name == "mobilenet_v3_small" ? 600 : 60) { store.apply(updates) }
    }
    return (backbone, store)
  }

  /// Slopes of a weighted sum of features along a direction: by the tape, and by differences of five points.
  @Test(arguments: names, ResNetSizes.Stem.allCases)
  func `the gradient by the images agrees with differences of the features`(
    name: String, stem: ResNetSizes.Stem
  ) throws {
    if stem == .cifar && !name.hasPrefix("resnet") { return }
    let (backbone, store) = try network(name, stem)
    let images = patchRows(of: hashFilled("images", [3, 3, 32, 32]), patch: backbone.patch)
    let check = GradientCheck(
      inputs: [images], weights: { hashFilled("weights", $0) }, step: 1e-3, samples: 2
    ) { backbone.features($0[0], first: 0, Pass(store, mode: .evaluation)) }
    #expect(check.errors[0] < 5e-2)
  }

  @Test(arguments: names)
  func `tracked images give the same features, and neither weights nor buffers hear of it`(name: String)
    throws
  {
    let (backbone, store) = try network(name, .imageNet)
    let images = patchRows(of: hashFilled("images", [2, 3, 32, 32]), patch: backbone.patch)
    let before = store.copied()
    let constant = backbone.features(images, first: 0, Pass(store, mode: .evaluation)).value
    let tape = Tape()
    let input = tape.variable(images)
    let pass = Pass(store, mode: .evaluation)
    let tracked = backbone.features(input, first: 0, pass)
    #expect(tracked.value.array == constant.array)
    var flat = Tensor(repeating: 7, store.flatShape)
    tape.backward(from: tracked, seed: hashFilled("seed", tracked.shape), leavesInto: &flat)
    #expect(flat.array.allSatisfy { $0 == 7 } && pass.bufferUpdates.isEmpty)
    for buffer in store.buffers {
      #expect(Pass(store, mode: .evaluation)[buffer].array == Pass(before, mode: .evaluation)[buffer].array)
    }
    let gradient = try #require(tape.gradient(of: input))
    #expect(gradient.shape == images.shape && gradient.array.allSatisfy { $0.isFinite })
  }

  @Test func `weights learn the same whether or not the images get a gradient as well`() throws {
    for name in ["resnet18", "vit_micro"] {
      let (backbone, store) = try network(name, .cifar)
      let images = patchRows(of: hashFilled("images", [4, 3, 32, 32]), patch: backbone.patch)
      let gradients = [false, true].map { isTracked in
        let tape = Tape()
        let pass = Pass(store, tape: tape, mode: .training)
        let input = isTracked ? tape.variable(images) : Variable(images)
        let features = backbone.features(input, first: 0, pass)
        var flat = Tensor(repeating: 0, store.flatShape)
        tape.backward(from: features, seed: hashFilled("seed", features.shape), leavesInto: &flat)
        return flat.array
      }
      #expect(gradients[0] == gradients[1], "\(name)")
    }
  }

  @Test func `one and three threads give the same gradient, byte for byte`() throws {
    let (backbone, store) = try network("resnet18", .cifar)
    let images = patchRows(of: hashFilled("images", [5, 3, 32, 32]), patch: 1)
    let gradients = try [1, 3].map { threads in
      try withThreads(threads) {
        let tape = Tape()
        let input = tape.variable(images)
        let features = backbone.features(input, first: 0, Pass(store, mode: .evaluation))
        var none = Tensor(repeating: 0, [1])
        tape.backward(from: features, seed: hashFilled("seed", features.shape), leavesInto: &none)
        return try #require(tape.gradient(of: input)).array.map(\.bitPattern)
      }
    }
    #expect(gradients[0] == gradients[1])
  }
}
