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
          isBasic ? .basic : .bottleneck, [1, 1, 1, 1], stem: isBasic ? .cifar : .imageNet, channels: 3))
    } error: { found, expected, _ in
      relativeError(found, expected)
    }
  }

  @Test(arguments: ["resnet18", "resnet50", "mobilenet_v2"])
  func `a full-size network gives torchvision's outputs, gradients and buffers at sampled places`(
    name: String
  ) throws {
    try compare(name, prefix: "", images: hashFilled("input", [4, 3, 64, 64]), tolerance: 1e-4) { scope in
      if name == "mobilenet_v2" { return MobileNetV2(scope) }
      let preset = ResNetSizes.presets.first { $0.name == name }!
      return ResNet(scope, ResNetSizes(preset.block, preset.depths))
    } error: { found, expected, parameter in
      // The worst of norm, sum and sampled numbers.
      let (values, wanted) = (found.array.map(Double.init), expected.array.map(Double.init))
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let sum = values.reduce(0, +)
      let difference = zip(hashedPlaces(parameter, count: values.count), wanted[2...]).reduce(0) {
        $0 + (values[$1.0] - $1.1) * (values[$1.0] - $1.1)
      }
      let size = wanted[2...].reduce(0) { $0 + $1 * $1 }
      return max(
        abs(norm - wanted[0]) / wanted[0],
        abs(sum - wanted[1]) / (wanted[0] * Double(values.count).squareRoot()),
        (difference / size).squareRoot())
    }
  }

  /// Runs both modes, evaluation first, and compares all that the fixture has. A bias that another normalisation follows
  /// has no gradient but rounding: there only the size is compared, with that of its weight's gradient.
  private func compare(
    _ file: String, prefix: String, images: Tensor, tolerance: Double, make: Maker,
    error: (_ found: Tensor, _ expected: Tensor, _ name: String) -> Double
  ) throws {
    let golden = try Safetensors.read(goldenPath("parity/\(file).safetensors"))
    let scope = ParameterScope()
    let network = make(scope)
    let store = hashFilledStore(scope)
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
      #expect(updates.isEmpty == (mode == "evaluation"))
      var vanishing = 0
      for parameter in store.parameters {
        let found = gradients[of: parameter]
        let expected = try golden.tensor("\(prefix)\(mode).gradient.\(parameter.name)")
        if parameter.name.hasSuffix(".bias"), mode == "training" {
          let weight = store.parameter(named: parameter.name.dropLast(4) + "weight")!
          let scale = length(gradients[of: weight])
          if Double(expected.array[0].magnitude) < 1e-4 * scale {
            vanishing += 1
            #expect(
              length(found) < 1e-3 * scale, "\(mode), \(parameter.name): \(length(found)) beside \(scale)")
            continue
          }
        }
        let error = error(found, expected, parameter.name)
        if error > worst.error { worst = (error, parameter.name) }
      }
      print("\(file) \(prefix)\(mode): worst relative error \(worst.error), \(worst.name)")
      #expect(worst.error < tolerance, "\(mode), \(worst.name): \(worst.error)")
      #expect(vanishing <= 20, "\(vanishing) gradients of \(store.parameters.count) vanish")
    }
    for buffer in store.buffers {
      let expected = try golden.tensor("\(prefix)buffer.\(buffer.name)")
      #expect(error(store[buffer], expected, buffer.name) < tolerance, "\(buffer.name)")
    }
  }

  private func length(_ x: Tensor) -> Double {
    x.array.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
