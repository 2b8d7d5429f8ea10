import EmanateAutograd
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// A store whose every parameter and buffer is filled from the hash of its name.
func hashFilledStore(_ scope: ParameterScope) -> ParameterStore {
  let store = ParameterStore(scope)
  for parameter in store.parameters {
    store.set(parameter, to: hashFilledParameter(parameter.name, parameter.shape))
  }
  for buffer in store.buffers { store.set(buffer, to: hashFilledParameter(buffer.name, buffer.shape)) }
  return store
}

@Suite struct VisionTransformerParity {
  @Test(arguments: [16, 24, 8])
  func `a small network gives timm's outputs and every parameter's gradient`(side: Int) throws {
    let golden = try Safetensors.read(goldenPath("parity/vit_small_net.safetensors"))
    let scope = ParameterScope()
    let network = VisionTransformer(scope, .init(width: 48, depth: 2, heads: 3, patch: 4, side: 16))
    let store = hashFilledStore(scope)
    let images = hashFilled("input.\(side)", [3, 3, side, side])

    let tape = Tape()
    var gradients = Tensor(repeating: .nan, store.flatShape)
    do {
      let pass = Pass(store, tape: tape, mode: .training)
      let output = network.features(patchRows(of: images, patch: 4), first: 0, pass)
      #expect(relativeError(output.value, try golden.tensor("output.\(side)")) < 1e-5)
      let loss = weightedSum(output, weights: hashFilled("weights.\(side)", [3, 48]))
      #expect(abs(Double(loss.scalar - (try golden.tensor("loss.\(side)")).scalar)) < 1e-4)
      tape.backward(from: loss, leavesInto: &gradients)
    }
    for parameter in store.parameters {
      let expected = try golden.tensor("gradient.\(side).\(parameter.name)")
      let error = relativeError(gradients[of: parameter], expected)
      #expect(error < 1e-4, "\(parameter.name): \(error)")
    }
  }

  @Test func `registers, layer scales and masked patches give DINOv2's tokens and gradients`() throws {
    let golden = try Safetensors.read(goldenPath("parity/vit_masked_net.safetensors"))
    let scope = ParameterScope()
    let network = VisionTransformer(
      scope,
      .init(
        width: 24, depth: 2, heads: 3, patch: 4, side: 16, registers: 2, layerScale: 1, hasMaskToken: true))
    let store = hashFilledStore(scope)
    let rows = patchRows(of: hashFilled("input.16", [3, 3, 16, 16]), patch: 4)
    let places = [1, 2, 6, 25, 31]
    let tape = Tape()
    var gradients = Tensor(repeating: .nan, store.flatShape)
    do {
      let pass = Pass(store, tape: tape, mode: .training)
      let (output, patches) = network.features(rows, masked: places, places: places, first: 0, pass)
      #expect(relativeError(output.value, try golden.tensor("output")) < 1e-6)
      #expect(relativeError(try #require(patches).value, try golden.tensor("patches")) < 1e-6)
      let loss = add(
        weightedSum(output, weights: hashFilled("weights.16", [3, 24])),
        weightedSum(patches!, weights: hashFilled("weights.patches", [5, 24])))
      tape.backward(from: loss, leavesInto: &gradients)
    }
    for parameter in store.parameters {
      let expected = try golden.tensor("gradient.\(parameter.name)").array.map(Double.init)
      let values = gradients[of: parameter].array.map(Double.init)
      let places = hashedPlaces(parameter.name, count: values.count)
      let difference = zip(places, expected[2...]).reduce(0) {
        $0 + (values[$1.0] - $1.1) * (values[$1.0] - $1.1)
      }
      let size = expected[2...].reduce(0) { $0 + $1 * $1 }
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - expected[0]) < 1e-5 * expected[0], "\(parameter.name): norm \(norm), \(expected[0])")
      #expect(difference.squareRoot() < 1e-5 * size.squareRoot(), "\(parameter.name)")
    }
  }

  @Test(arguments: [224, 96])
  func `the full-size tiny network gives timm's outputs and gradients at sampled places`(side: Int) throws {
    let golden = try Safetensors.read(goldenPath("parity/vit_tiny.safetensors"))
    let scope = ParameterScope()
    let network = VisionTransformer(scope, .init(width: 192, depth: 12, heads: 3, patch: 16, side: 224))
    let store = hashFilledStore(scope)
    let images = hashFilled("input.\(side)", [2, 3, side, side])

    let tape = Tape()
    var gradients = Tensor(repeating: .nan, store.flatShape)
    do {
      let pass = Pass(store, tape: tape, mode: .training)
      let output = network.features(patchRows(of: images, patch: 16), first: 0, pass)
      #expect(relativeError(output.value, try golden.tensor("output.\(side)")) < 1e-4)
      let loss = weightedSum(output, weights: hashFilled("weights.\(side)", [2, 192]))
      tape.backward(from: loss, leavesInto: &gradients)
    }
    for parameter in store.parameters {
      let expected = try golden.tensor("gradient.\(side).\(parameter.name)").array.map(Double.init)
      let values = gradients[of: parameter].array.map(Double.init)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(
        abs(norm - expected[0]) <= 1e-3 * expected[0], "\(parameter.name): norm \(norm), \(expected[0])")
      let sum = values.reduce(0, +)
      let spread = expected[0] * Double(values.count).squareRoot()
      #expect(abs(sum - expected[1]) <= 1e-3 * spread, "\(parameter.name): sum \(sum), \(expected[1])")
      let places = hashedPlaces(parameter.name, count: values.count)
      let difference = zip(places, expected[2...]).reduce(0) {
        $0 + (values[$1.0] - $1.1) * (values[$1.0] - $1.1)
      }
      let size = expected[2...].reduce(0) { $0 + $1 * $1 }
      #expect(
        (difference / size).squareRoot() < 1e-3, "\(parameter.name): \((difference / size).squareRoot())")
    }
  }

  @Test func `position tables at other sides follow DINO's rule and timm's`() throws {
    let golden = try Safetensors.read(goldenPath("parity/positions.safetensors"))
    var checked = 0
    for name in golden.names {
      let parts = name.split(separator: ".")
      let sides = parts[2].split(separator: "x").compactMap { Int($0) }
      guard let rule = PositionInterpolation(rawValue: String(parts[0])), let old = Int(parts[1]),
        sides[0] == sides[1]
      else { continue }
      let table = hashFilled("positions.\(old)", [1, 1 + old * old, 8])
      let result = interpolatedPositions(Variable(table), by: rule.matrix(from: old, to: sides[0]))
      let difference = greatestDifference(result.value, try golden.tensor(name))
      #expect(difference < 2e-5, "\(name): \(difference)")
      checked += 1
    }
    #expect(checked >= 8)
  }
}
