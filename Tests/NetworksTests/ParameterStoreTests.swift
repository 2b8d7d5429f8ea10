import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// A store with one parameter of each rule, large enough for statistics.
private func ruleStore() -> ParameterStore {
  let scope = ParameterScope()
  let part = scope.scope("part")
  _ = part.parameter("normal.weight", [200, 100], .truncatedNormal(std: 0.02))
  _ = part.parameter("wide.weight", [200, 100], .truncatedNormal(std: 1.5))
  _ = part.parameter("uniform.weight", [200, 100], .uniform(bound: 0.25))
  _ = part.parameter("norm.weight", [100], .ones)
  _ = part.parameter("norm.bias", [100], .zeros)
  _ = scope.parameter("other.weight", [200, 100], .truncatedNormal(std: 0.02))
  return ParameterStore(scope)
}

private func statistics(_ x: Tensor) -> (mean: Double, deviation: Double, low: Float, high: Float) {
  let values = x.array
  let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
  let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
  return (mean, variance.squareRoot(), values.min()!, values.max()!)
}

@Suite struct ParameterStoreTests {
  @Test func `every rule draws what it says`() throws {
    let store = ruleStore()
    store.initialize(seed: 1)
    let of = { (name: String) in statistics(store[try #require(store.parameter(named: name))]) }
    let normal = try of("part.normal.weight")
    #expect(abs(normal.mean) < 6e-4 && abs(normal.deviation - 0.02) < 4e-4)
    let wide = try of("part.wide.weight")  // cut at ±2, 4/3 deviations: what is left has 1.0229
    #expect(wide.low >= -2 && wide.high <= 2 && wide.high > 1.9 && abs(wide.deviation - 1.0229) < 0.02)
    let uniform = try of("part.uniform.weight")
    #expect(
      uniform.low >= -0.25 && uniform.high < 0.25 && abs(uniform.deviation - 0.25 / 3.0.squareRoot()) < 2e-3)
    let (ones, zeros) = (try of("part.norm.weight"), try of("part.norm.bias"))
    #expect(ones.low == 1 && ones.high == 1 && zeros.low == 0 && zeros.high == 0)
  }

  @Test func `a seed gives the same numbers again, another seed and another name give others`() throws {
    let (a, b, c) = (ruleStore(), ruleStore(), ruleStore())
    a.initialize(seed: 1)
    b.initialize(seed: 1)
    c.initialize(seed: 2)
    #expect(a.values.array == b.values.array)
    let first = try #require(a.parameter(named: "part.normal.weight"))
    let other = try #require(a.parameter(named: "other.weight"))
    #expect(a[first].array != c[first].array)
    #expect(a[first].array != a[other].array)
  }

  @Test func `a parameter's numbers do not depend on what else the network has`() throws {
    let scope = ParameterScope()
    let alone = scope.parameter("other.weight", [200, 100], .truncatedNormal(std: 0.02))
    let (small, large) = (ParameterStore(scope), ruleStore())
    small.initialize(seed: 3)
    large.initialize(seed: 3)
    #expect(small[alone].array == large[try #require(large.parameter(named: "other.weight"))].array)
  }

  @Test func `parameters lie apart on their own cache lines and keep their names and order`() {
    let store = ruleStore()
    var end = 0
    for parameter in store.parameters {
      #expect(parameter.part.lowerBound >= end && parameter.part.lowerBound % 16 == 0)
      end = parameter.part.upperBound
    }
    #expect(store.parameters.map { $0.name }.first == "part.normal.weight")
    #expect(store.parameterCount == 80_200)
  }

  @Test func `biases and vectors are not decayed, matrices are`() {
    let decayed = ruleStore().parameters.filter { $0.isDecayed }.map { $0.name }
    #expect(decayed == ["part.normal.weight", "part.wide.weight", "part.uniform.weight", "other.weight"])
  }

  @Test func `the teacher moves by exactly one minus the momentum of the way to the student`() {
    let (teacher, student) = (ruleStore(), ruleStore())
    teacher.initialize(seed: 1)
    student.initialize(seed: 2)
    let before = teacher.values.array
    teacher.move(toward: student, momentum: 0.9)
    for (i, (new, (old, goal))) in zip(teacher.values.array, zip(before, student.values.array)).enumerated() {
      let expected = Double(old) + 0.1 * (Double(goal) - Double(old))
      #expect(abs(Double(new) - expected) < 1e-7 * max(1, abs(expected)), "element \(i)")
      if abs(Double(new) - expected) >= 1e-6 { return }
    }
    teacher.move(toward: student, momentum: 1)
    let kept = teacher.values.array
    teacher.move(toward: student, momentum: 1)
    #expect(teacher.values.array == kept)
    teacher.move(toward: student, momentum: 0)
    #expect(teacher.values.array == student.values.array)
  }

  @Test func `the teacher's move gives the same bytes for any number of threads`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let (teacher, student) = (ruleStore(), ruleStore())
        teacher.initialize(seed: 1)
        student.initialize(seed: 2)
        teacher.move(toward: student, momentum: 0.996)
        return teacher.values.array
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func `a copied store has numbers of its own`() {
    let store = ruleStore()
    let copy = store.copied()
    copy.initialize(seed: 4)
    #expect(store.values.array.allSatisfy { $0 == 0 })
  }
}
