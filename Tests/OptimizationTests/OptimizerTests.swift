import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import TestSupport
import Testing

/// A matrix of several blocks, a bias, a frozen gain and a last layer.
private func smallStore() -> ParameterStore {
  let scope = ParameterScope()
  _ = scope.parameter("fc.weight", [300, 250], .truncatedNormal(std: 0.5))
  _ = scope.parameter("fc.bias", [7], .uniform(bound: 0.5))
  _ = scope.parameter("last.gain", [5, 1], .ones, isTrained: false)
  _ = scope.parameter("last.weight", [5, 9], .uniform(bound: 0.3))
  let store = ParameterStore(scope)
  store.initialize(seed: 1)
  return store
}

/// What holds for every optimizer.
@Suite struct OptimizerTests {
  static let names = ["adamw", "sgd", "lars", "solo"]

  static func make(_ name: String, _ store: ParameterStore) -> any Optimizer {
    switch name {
    case "adamw": AdamW(store)
    case "sgd": SGD(store)
    case "lars": LARS(store)
    default: LARS(store, .soloLearn)
    }
  }

  /// Some steps; the last layer is left alone before the third.
  private func steps(
    _ range: ClosedRange<Int>, _ optimizer: inout any Optimizer, _ store: ParameterStore,
    clipping: GradientClipping = .global(norm: 0.5), follower: ParameterStore? = nil
  ) -> [Double] {
    range.map { step in
      optimizer.step(
        store, gradients: gradients(store, step: step), learningRate: 0.1, weightDecay: 0.1,
        clipping: clipping, followedBy: follower.map { MovingAverage($0, momentum: 0.7) }
      ) { step < 3 && $0.name == "last.weight" }
    }
  }

  @Test(arguments: names)
  func `a network that follows in the sweep ends where one moved afterwards does, to the last bit`(
    name: String
  ) {
    let (store, other) = (smallStore(), smallStore())
    let (follower, moved) = (store.copied(), other.copied())
    var (together, apart) = (Self.make(name, store), Self.make(name, other))
    for step in 1...4 {
      let norms = (
        steps(step...step, &together, store, follower: follower), steps(step...step, &apart, other)
      )
      moved.move(toward: other, momentum: 0.7)
      #expect(norms.0 == norms.1)
    }
    for parameter in store.parameters {
      #expect(store[parameter].array == other[parameter].array, "\(parameter.name)")
      #expect(follower[parameter].array == moved[parameter].array, "\(parameter.name)")
    }
    #expect(follower.parameters.allSatisfy { !$0.isTrained || follower[$0].array != store[$0].array })
  }

  @Test(arguments: names)
  func `frozen parameters never move, and skipped ones keep numbers, state and count`(name: String) throws {
    let store = smallStore()
    let (gain, last) = (
      try #require(store.parameter(named: "last.gain")), try #require(store.parameter(named: "last.weight"))
    )
    let before = store[last].array
    var optimizer = Self.make(name, store)
    _ = steps(1...2, &optimizer, store)
    #expect(store[last].array == before)
    #expect(optimizer.state.allSatisfy { $0.buffer[of: last].array.allSatisfy { $0 == 0 } })
    #expect(optimizer.updates == [2, 2, 0, 0])
    _ = steps(3...4, &optimizer, store)
    #expect(store[last].array != before && optimizer.updates == [4, 4, 0, 2])
    #expect(store[gain].array == [1, 1, 1, 1, 1])
  }

  @Test(arguments: names)
  func `an optimizer whose state is put back goes on to the last bit, and one without it does not`(
    name: String
  ) {
    let (store, other, third) = (smallStore(), smallStore(), smallStore())
    var whole = Self.make(name, store)
    _ = steps(1...5, &whole, store)
    var begun = Self.make(name, other)
    _ = steps(1...3, &begun, other)
    third.set(third.parameters[0], to: other[other.parameters[0]].copied())
    var continued = Self.make(name, other)
    continued.restore(
      Dictionary(uniqueKeysWithValues: begun.state.map { ($0.name, $0.buffer.copied()) }),
      updates: begun.updates)
    _ = steps(4...5, &continued, other)
    var fresh = Self.make(name, third)
    _ = steps(4...5, &fresh, third)
    #expect(store.values.array == other.values.array)
    #expect(store[store.parameters[0]].array != third[third.parameters[0]].array)
    #expect(whole.updates == continued.updates)
  }

  @Test(arguments: names)
  func `one, two and three threads give the same bytes`(name: String) {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let store = smallStore()
        var optimizer = Self.make(name, store)
        return steps(1...3, &optimizer, store).map { Float($0) } + store.values.array
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func `clipping all together keeps the gradient's direction, and leaves out frozen parameters`() {
    let parameters = smallStore().parameters
    let lengths = [3.0, 4.0, 1000.0, 12.0]
    let half: Double = 6.5 / (13 + 1e-6)
    #expect(GradientClipping.global(norm: 6.5).factors(lengths, parameters) == [half, half, half, half])
    #expect(GradientClipping.global(norm: 14).factors(lengths, parameters) == [1, 1, 1, 1])
    let apart: [Double] = [1, 1, 6 / (1000 + 1e-6), 6 / (12 + 1e-6)]
    #expect(GradientClipping.perParameter(norm: 6).factors(lengths, parameters) == apart)
    #expect(GradientClipping.off.factors(lengths, parameters) == [1, 1, 1, 1])
  }
}
