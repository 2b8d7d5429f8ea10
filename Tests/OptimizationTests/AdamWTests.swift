import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Two groups in one store: matrices are decayed, biases and norms are not; one gain is frozen.
private func smallStore() -> ParameterStore {
  let scope = ParameterScope()
  _ = scope.parameter("fc.weight", [7, 9], .truncatedNormal(std: 0.5))
  _ = scope.parameter("fc.bias", [7], .uniform(bound: 0.5))
  _ = scope.parameter("norm.weight", [9], .ones)
  _ = scope.parameter("last.gain", [5, 1], .ones, isTrained: false)
  _ = scope.parameter("last.weight", [5, 9], .uniform(bound: 0.3))
  let store = ParameterStore(scope)
  store.initialize(seed: 1)
  return store
}

@Suite struct AdamWTests {
  @Test(arguments: [GradientClipping.off, .perParameter(norm: 0.5), .perParameter(norm: 100)])
  func `five updates of both groups follow algorithm 2 in double precision`(clipping: GradientClipping) {
    let store = smallStore()
    var optimizer = AdamW(store)
    var oracle = store.parameters.map { parameter in
      store[parameter].array.map { (w: Double($0), m: 0.0, v: 0.0) }
    }
    for step in 1...5 {
      let flat = gradients(store, step: step)
      optimizer.step(store, gradients: flat, learningRate: 1e-2, weightDecay: 0.1, clipping: clipping)
      for (index, parameter) in store.parameters.enumerated() where parameter.isTrained {
        let g = flat[of: parameter].array.map(Double.init)
        var clip = 1.0
        if case .perParameter(let norm) = clipping {
          clip = min(1, norm / (g.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-6))
        }
        for i in g.indices {
          var (w, m, v) = oracle[index][i]
          m = 0.9 * m + 0.1 * clip * g[i]
          v = 0.999 * v + 0.001 * clip * clip * g[i] * g[i]
          let (mean, square) = (m / (1 - pow(0.9, Double(step))), v / (1 - pow(0.999, Double(step))))
          if parameter.shape.rank > 1 { w -= 1e-2 * 0.1 * w }
          w -= 1e-2 * mean / (square.squareRoot() + 1e-8)
          oracle[index][i] = (w, m, v)
        }
      }
    }
    for (index, parameter) in store.parameters.enumerated() {
      let expected = Tensor(oracle[index].map { Float($0.w) }, parameter.shape)
      #expect(greatestDifference(store[parameter], expected) < 1e-6, "\(parameter.name)")
      let first = Tensor(oracle[index].map { Float($0.m) }, parameter.shape)
      #expect(greatestDifference(optimizer.first[of: parameter], first) < 1e-6, "\(parameter.name)")
    }
  }

  @Test func `a skipped parameter keeps its numbers, its moments and its place in the bias correction`()
    throws
  {
    let (store, other) = (smallStore(), smallStore())
    let last = try #require(store.parameter(named: "last.weight"))
    var (skipping, plain) = (AdamW(store), AdamW(other))
    let before = store[last].array
    skipping.step(store, gradients: gradients(store, step: 1), learningRate: 0.1, weightDecay: 0.1) {
      $0.name.hasPrefix("last.")
    }
    #expect(store[last].array == before)
    #expect(skipping.first[of: last].array.allSatisfy { $0 == 0 })
    // Its first own update is a first update: as if the run began there.
    skipping.step(store, gradients: gradients(store, step: 2), learningRate: 0.1, weightDecay: 0.1)
    plain.step(other, gradients: gradients(other, step: 2), learningRate: 0.1, weightDecay: 0.1)
    #expect(store[last].array == other[last].array)
  }

  @Test func `a network that follows in the sweep ends where one moved afterwards does, to the last bit`() {
    let (store, other) = (smallStore(), smallStore())
    let (follower, moved) = (store.copied(), other.copied())
    var (together, apart) = (AdamW(store), AdamW(other))
    for step in 1...4 {
      // The last layer is left alone at first; followers move toward it all the same.
      let skips = { (parameter: Parameter) in step < 3 && parameter.name.hasPrefix("last.") }
      let norms = (
        together.step(
          store, gradients: gradients(store, step: step), learningRate: 0.1, weightDecay: 0.1,
          clipping: .perParameter(norm: 0.5), followedBy: MovingAverage(follower, momentum: 0.7),
          isSkipped: skips),
        apart.step(
          other, gradients: gradients(other, step: step), learningRate: 0.1, weightDecay: 0.1,
          clipping: .perParameter(norm: 0.5), isSkipped: skips)
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

  @Test func `a frozen parameter never moves`() throws {
    let store = smallStore()
    let gain = try #require(store.parameter(named: "last.gain"))
    var optimizer = AdamW(store)
    for step in 1...3 {
      optimizer.step(store, gradients: gradients(store, step: step), learningRate: 0.1, weightDecay: 0.5)
    }
    #expect(store[gain].array == [1, 1, 1, 1, 1])
  }

  @Test func `the returned norm is the length of all gradients before clipping`() {
    let store = smallStore()
    let flat = gradients(store, step: 1)
    var optimizer = AdamW(store)
    let norm = optimizer.step(
      store, gradients: flat, learningRate: 0, weightDecay: 0, clipping: .perParameter(norm: 0.01))
    let squares = store.parameters.reduce(0.0) { sum, parameter in
      flat[of: parameter].array.reduce(sum) { $0 + Double($1) * Double($1) }
    }
    #expect(abs(norm / squares.squareRoot() - 1) < 1e-6)
  }

  @Test func `clipping limits each parameter by itself`() {
    #expect(GradientClipping.perParameter(norm: 3).factor(6) == 3 / (6 + 1e-6))
    #expect(GradientClipping.perParameter(norm: 3).factor(2) == 1)
    #expect(GradientClipping.off.factor(1e9) == 1)
  }

  @Test func `one, two and three threads give the same bytes`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let scope = ParameterScope()
        _ = scope.parameter("large.weight", [700, 300], .truncatedNormal(std: 0.5))
        let store = ParameterStore(scope)
        store.initialize(seed: 1)
        var optimizer = AdamW(store)
        let flat = gradients(store, step: 1)
        let norm = optimizer.step(
          store, gradients: flat, learningRate: 0.1, weightDecay: 0.1, clipping: .perParameter(norm: 1))
        return [Float(norm)] + store.values.array
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
