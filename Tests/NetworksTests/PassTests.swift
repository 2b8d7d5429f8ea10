import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct PassTests {
  private func emptyPass(_ mode: Pass.Mode, seed: UInt64 = 1, step: Int = 0) -> Pass {
    Pass(ParameterStore(ParameterScope()), mode: mode, seed: seed, step: step)
  }

  private func kept(_ draw: DropPathDraw, of batch: Int) -> [Int] {
    switch draw {
    case .all: Array(0..<batch)
    case .none: []
    case .some(let samples, _): samples
    }
  }

  @Test(arguments: [0.1, 0.3, 0.5])
  func `stochastic depth drops the share of branches that its rate says`(rate: Double) {
    var count = 0
    for step in 0..<100 {
      let pass = emptyPass(.training, step: step)
      for branch in 0..<10 {
        let draw = pass.keptSamples(20, first: 0, tokens: 3, branch: branch, rate: rate)
        count += kept(draw, of: 20).count
        if case .some(_, let scale) = draw { #expect(abs(Double(scale) * (1 - rate) - 1) < 1e-6) }
      }
    }
    let deviation = (20_000 * rate * (1 - rate)).squareRoot()
    #expect(abs(Double(count) - 20_000 * (1 - rate)) < 4 * deviation)
  }

  @Test func `a batch cut in two drops the same samples as a whole one`() {
    let pass = emptyPass(.training)
    let whole = kept(pass.keptSamples(40, first: 0, tokens: 1, branch: 3, rate: 0.4), of: 40)
    let first = kept(pass.keptSamples(25, first: 0, tokens: 1, branch: 3, rate: 0.4), of: 25)
    let second = kept(pass.keptSamples(15, first: 25, tokens: 1, branch: 3, rate: 0.4), of: 15)
    #expect(whole == first + second.map { $0 + 25 })
  }

  @Test func `steps, branches and seeds drop other samples`() {
    let draws = [(1, 0, 0), (1, 1, 0), (1, 0, 1), (2, 0, 0)].map { seed, step, branch in
      let pass = emptyPass(.training, seed: UInt64(seed), step: step)
      return kept(pass.keptSamples(64, first: 0, tokens: 1, branch: branch, rate: 0.5), of: 64)
    }
    #expect(Set(draws).count == 4)
  }

  @Test func `nothing is dropped in evaluation or at rate zero`() {
    let draws = [
      emptyPass(.evaluation).keptSamples(9, first: 0, tokens: 1, branch: 0, rate: 0.9),
      emptyPass(.training).keptSamples(9, first: 0, tokens: 1, branch: 0, rate: 0),
    ]
    for draw in draws { #expect(kept(draw, of: 9).count == 9) }
  }

  @Test func `a parameter that a step does not use has gradient zero, not the last step's`() {
    let scope = ParameterScope()
    let (used, unused) = (scope.parameter("used", [3], .ones), scope.parameter("unused", [3], .ones))
    let frozen = scope.parameter("frozen", [3], .ones, isTrained: false)
    let store = ParameterStore(scope)
    store.initialize(seed: 0)
    var gradients = Tensor(repeating: .nan, store.flatShape)
    let tape = Tape()
    let pass = Pass(store, tape: tape, mode: .training)
    #expect(!pass[frozen].isTracked)
    let loss = weightedSum(pass[used], weights: Tensor([1, 2, 3], [3]))
    tape.backward(from: loss, leavesInto: &gradients)
    #expect(gradients[of: used].array == [1, 2, 3])
    #expect(gradients[of: unused].array == [0, 0, 0] && gradients[of: frozen].array == [0, 0, 0])
  }
}
