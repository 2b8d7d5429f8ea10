import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct DINOHeadTests {
  private func head(normLastLayer: Bool, batchNorm: Bool = false) -> (DINOHead, ParameterStore) {
    let scope = ParameterScope()
    let sizes = DINOHeadSizes(
      hidden: 20, bottleneck: 8, prototypes: 30, normLastLayer: normLastLayer, batchNorm: batchNorm)
    let head = DINOHead(scope.scope("head"), from: 12, sizes)
    let store = ParameterStore(scope)
    store.initialize(seed: 1)
    return (head, store)
  }

  @Test func `parameters have the names and shapes of DINO's head`() {
    let own = head(normLastLayer: true).1.parameters.map { "\($0.name) \($0.shape)" }
    #expect(
      Set(own) == [
        "head.mlp.0.weight [20, 12]", "head.mlp.0.bias [20]", "head.mlp.2.weight [20, 20]",
        "head.mlp.2.bias [20]",
        "head.mlp.4.weight [8, 20]", "head.mlp.4.bias [8]", "head.last_layer.weight_g [30, 1]",
        "head.last_layer.weight_v [30, 8]",
      ])
  }

  @Test func `logits are cosines: none is beyond one`() {
    let (head, store) = head(normLastLayer: true)
    let logits = head(Variable(hashFilled("x", [9, 12], scale: 5)), Pass(store, mode: .evaluation)).value
    #expect(logits.shape == [9, 30])
    #expect(logits.array.allSatisfy { abs($0) <= 1.00001 })
  }

  @Test(arguments: [true, false])
  func `the prototypes' gains are trained only if asked`(normLastLayer: Bool) {
    let (head, store) = head(normLastLayer: normLastLayer)
    let tape = Tape()
    var gradients = Tensor(repeating: 0, store.flatShape)
    let pass = Pass(store, tape: tape, mode: .training)
    let logits = head(Variable(hashFilled("x", [9, 12])), pass)
    tape.backward(from: weightedSum(logits, weights: hashFilled("w", logits.shape)), leavesInto: &gradients)
    #expect(gradients[of: head.gain].array.allSatisfy { $0 == 0 } == normLastLayer)
    #expect(gradients[of: head.direction].array.contains { $0 != 0 })
  }

  @Test func `with batch normalisation the names are those of use_bn_in_head`() {
    let store = head(normLastLayer: true, batchNorm: true).1
    let names = (store.parameters.map(\.name) + store.buffers.map(\.name)).filter { $0.contains("mlp") }
    let norms = ["mlp.1", "mlp.4"].flatMap { norm in
      ["weight", "bias", "running_mean", "running_var"].map { "head.\(norm).\($0)" }
    }
    let linears = ["mlp.0", "mlp.3", "mlp.6"].flatMap { ["head.\($0).weight", "head.\($0).bias"] }
    #expect(Set(names) == Set(norms + linears))
  }

  @Test(arguments: [false, true])
  func `logits are those of the definition in Double`(batchNorm: Bool) throws {
    let (head, store) = head(normLastLayer: true, batchNorm: batchNorm)
    for parameter in store.parameters where parameter.isTrained {
      store.set(parameter, to: hashFilled(parameter.name, parameter.shape, scale: 1))
    }
    func rows(_ tensor: Tensor) -> [[Double]] {
      let width = tensor.shape.count / tensor.shape[0]
      return (0..<tensor.shape[0]).map { row in
        tensor.array[row * width..<(row + 1) * width].map(Double.init)
      }
    }
    func number(_ name: String) throws -> [[Double]] {
      rows(store[try #require(store.parameter(named: name))])
    }
    func linear(_ x: [[Double]], _ place: Int) throws -> [[Double]] {
      let (weight, bias) = (
        try number("head.mlp.\(place).weight"), try number("head.mlp.\(place).bias").map { $0[0] }
      )
      return x.map { row in
        zip(weight, bias).map { out, bias in zip(out, row).reduce(bias) { $0 + $1.0 * $1.1 } }
      }
    }
    func normalized(_ x: [[Double]], _ place: Int) throws -> [[Double]] {
      if !batchNorm { return x }
      let (gain, bias) = (try number("head.mlp.\(place).weight"), try number("head.mlp.\(place).bias"))
      var x = x
      for channel in x[0].indices {
        let mean = x.reduce(0) { $0 + $1[channel] } / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1[channel] - mean) * ($1[channel] - mean) } / Double(x.count)
        for row in x.indices {
          x[row][channel] =
            (x[row][channel] - mean) / (variance + 1e-5).squareRoot() * gain[channel][0] + bias[channel][0]
        }
      }
      return x
    }
    func gelu(_ x: [[Double]]) -> [[Double]] {
      x.map { $0.map { 0.5 * $0 * (1 + erf($0 / 2.squareRoot())) } }
    }
    func unit(_ row: [Double]) -> [Double] {
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / length }
    }
    let input = hashFilled("x", [9, 12], scale: 2)
    let places = batchNorm ? (0, 3, 6) : (0, 2, 4)
    let hidden = gelu(try normalized(linear(rows(input), places.0), 1))
    let second = gelu(try normalized(linear(hidden, places.1), 4))
    let projected = try linear(second, places.2).map(unit)
    let prototypes = try number("head.last_layer.weight_v").map(unit)
    let expected = projected.map { row in prototypes.map { zip($0, row).reduce(0) { $0 + $1.0 * $1.1 } } }

    let tape = Tape()
    let pass = Pass(store, tape: tape, mode: .training)
    let found = head(Variable(input), pass).value.array
    tape.discard()
    for (found, expected) in zip(found, expected.joined()) {
      #expect(abs(Double(found) - expected) < 1e-5)
    }
  }
}
