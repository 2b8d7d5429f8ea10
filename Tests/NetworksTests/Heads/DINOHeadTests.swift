import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct DINOHeadTests {
  private func head(normLastLayer: Bool) -> (DINOHead, ParameterStore) {
    let scope = ParameterScope()
    let sizes = DINOHeadSizes(hidden: 20, bottleneck: 8, prototypes: 30, normLastLayer: normLastLayer)
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
}
