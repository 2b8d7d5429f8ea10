import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import TestSupport
import Testing

@Suite struct WeightDistanceTests {
  @Test func `two networks lie as far apart as their weights, and a copy lies nowhere`() {
    let scope = ParameterScope()
    for (name, inputs, outputs) in [("a", 7, 5), ("b", 5, 3)] {
      _ = Linear(scope.scope(name), from: inputs, to: outputs)
    }
    let store = ParameterStore(scope)
    store.initialize(seed: 3)
    let copy = store.copied()
    #expect(copy.relativeDistance(from: store) == 0)
    let parameter = store.parameters[0]
    var values = store[parameter].array
    values[0] += 2
    copy.set(parameter, to: Tensor(values, parameter.shape))
    let length = store.parameters.flatMap { store[$0].array }.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(copy.relativeDistance(from: store) - 2 / length.squareRoot()) < 1e-6)
  }
}
