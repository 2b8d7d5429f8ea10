import EmanateAutograd
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// Networks of convolutions beside torchvision's, in both modes.
@Suite struct ConvolutionNetworkParity {
  private typealias Maker = (ParameterScope) -> any Backbone

  @Test(arguments: ["basic", "bottleneck"])
  func `a small residual network gives torchvision's outputs, gradients and buffers`(name: String) throws {
    let isBasic = name == "basic"
    try compare(
      "convnets_small", prefix: name + ".",
      images: hashFilled("\(name).input", isBasic ? [3, 3, 16, 16] : [3, 3, 40, 40]),
      tolerance: 1e-4
    ) {
      ResNet(
        $0,
        ResNetSizes(
          isBasic ? .basic : .bottleneck, [1, 1, 1, 1], stem: isBasic ? .cifar : .imageNet, channels: 2))
    } error: { found, expected, _, floor in
      let (values, wanted) = (found.array.map(Double.init), expected.array.map(Double.init))
      return length(zip(values, wanted).map { $0 - $1 }) / max(length(wanted), floor)
    }
  }

  @Test func `a thin ConvNeXt gives timm's outputs and gradients`() throws {
    try compare(
      "convnext_small", prefix: "", images: hashFilled("input", [2, 3, 64, 64]), tolerance: 1e-4,
      isGated: false
    ) {
      ConvNeXt($0, ConvNeXtSizes(depths: [1, 1, 2, 1], widths: [4, 6, 8, 10]))
    } error: { found, expected, _, _ in
      relativeError(found, expected)
    }
  }

  /// Four times what float32 runs of PyTorch differ from these float64 numbers, as the fixtures' metadata say.
  @Test(arguments: [
    ("resnet18", 2e-4), ("resnet50", 3e-4), ("mobilenet_v2", 3e-3), ("mobilenet_v3_small", 2e-3),
  ])
  func `a full-size network gives torchvision's outputs, gradients and buffers at sampled places`(
    name: String, tolerance: Double
  ) throws {
    try compare(name, prefix: "", images: hashFilled("input", [4, 3, 64, 64]), tolerance: tolerance) {
      scope in
      ArchitectureRegistry.entry(named: name)!.make(ArchitectureChoices()).backbone(scope)
    } error: { found, expected, parameter, floor in
      // The worst of norm, sum and sampled numbers.
      let (values, wanted) = (found.array.map(Double.init), expected.array.map(Double.init))
      let places = hashedPlaces(parameter, count: values.count)
      let (size, root) = (max(wanted[0], floor), Double(values.count).squareRoot())
      return max(
        abs(length(values) - wanted[0]) / size, abs(values.reduce(0, +) - wanted[1]) / (size * root),
        length(zip(places, wanted[2...]).map { values[$0] - $1 })
          / max(length(Array(wanted[2...])), floor * Double(wanted.count - 2).squareRoot() / root))
    }
  }

  /// Runs both modes, evaluation first, and compares all that the fixture has. A bias that another normalisation follows
  /// has no gradient but rounding, so a hundredth of its weight's gradient is the least that an error is compared with.
  private func compare(
    _ file: String, prefix: String, images: Tensor, tolerance: Double, isGated: Bool = true, make: Maker,
    error: (_ found: Tensor, _ expected: Tensor, _ name: String, _ floor: Double) -> Double
  ) throws {
    let golden = try Safetensors.read(goldenPath("parity/\(file).safetensors"))
    let scope = ParameterScope()
    let network = make(scope)
    let store = hashFilledStore(scope)
    if prefix.isEmpty && isGated {
      for parameter in store.parameters where parameter.shape.rank == 1 {
        store.set(parameter, to: hashFilledGate(parameter.name, parameter.shape))
      }
    }
    for mode in ["evaluation", "training"] {
      let tape = Tape()
      var gradients = Tensor(repeating: .nan, store.flatShape)
      let updates: [BufferUpdate]
      var worst = (error: 0.0, name: "output")
      do {
        let pass = Pass(store, tape: tape, mode: mode == "training" ? .training : .evaluation)
        let output = network.features(patchRows(of: images, patch: 1), first: 0, pass)
        worst.error = relativeError(output.value, try golden.tensor("\(prefix)\(mode).output"))
        let loss = weightedSum(output, weights: hashFilled("\(prefix)weights", output.shape))
        tape.backward(from: loss, leavesInto: &gradients)
        updates = pass.bufferUpdates
      }
      store.apply(updates)
      #expect(updates.isEmpty == (mode == "evaluation" || store.buffers.isEmpty))
      for parameter in store.parameters {
        let found = gradients[of: parameter]
        let expected = try golden.tensor("\(prefix)\(mode).gradient.\(parameter.name)")
        var floor = 0.0
        if parameter.name.hasSuffix(".bias") {
          let weight = store.parameter(named: parameter.name.dropLast(4) + "weight")!
          floor = 1e-2 * length(gradients[of: weight].array.map(Double.init))
        }
        let error = error(found, expected, parameter.name, floor)
        if error > worst.error { worst = (error, parameter.name) }
      }
      print("\(file) \(prefix)\(mode): worst relative error \(worst.error), \(worst.name)")
      #expect(worst.error < tolerance, "\(mode), \(worst.name): \(worst.error)")
    }
    for buffer in store.buffers {
      let expected = try golden.tensor("\(prefix)buffer.\(buffer.name)")
      #expect(error(store[buffer], expected, buffer.name, 0) < tolerance, "\(buffer.name)")
    }
  }

  private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
