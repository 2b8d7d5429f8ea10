import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct TeacherTargetsTests {
  private let logits = hashFilled("logits", [6, 30])

  private func entropy(_ probabilities: Tensor) -> Double {
    probabilities.array.reduce(0.0) { $0 - ($1 > 0 ? Double($1) * log(Double($1)) : 0) }
      / Double(probabilities.shape[0])
  }

  @Test func `centered targets are the softmax of what is left over the temperature`() {
    let center = hashFilled("center", [30], scale: 0.3)
    for (centering, used) in [(Centering.ema, center), (.off, Tensor(repeating: 0, [30]))] {
      var targets = TeacherTargets(prototypes: 30, centering: centering)
      targets.setCenter(center)
      let found = targets(logits, temperature: 0.07)
      let z = logits.array.enumerated().map {
        (Double($0.element) - Double(used.array[$0.offset % 30])) / Double(Float(0.07))
      }
      let expected = (0..<6).flatMap { row -> [Float] in
        let total = z[row * 30..<row * 30 + 30].reduce(0) { $0 + exp($1) }
        return z[row * 30..<row * 30 + 30].map { Float(exp($0) / total) }
      }
      #expect(relativeError(found, Tensor(expected, [6, 30])) < 2e-6)
      #expect(abs(targets.meanEntropy - entropy(found)) < 1e-5)
    }
  }

  @Test func `targets by Sinkhorn and Knopp ignore the center, which then neither moves nor is kept`() {
    var targets = TeacherTargets(prototypes: 30, centering: .sinkhorn)
    let found = targets(logits, temperature: 0.07)
    #expect(found.array == SinkhornKnopp()(logits, temperature: 0.07).array)
    targets.note(logits)
    targets.moveCenter()
    #expect(targets.center.array.allSatisfy { $0 == 0 })
    #expect(targets.state.isEmpty)
    #expect(targets.measures.map(\.name) == ["teacherEntropy"])
    #expect(abs(targets.meanEntropy - entropy(found)) < 1e-5)
  }

  @Test func `a batch in parts gives the center and the entropy of the undivided one`() {
    func moved(_ parts: [Range<Int>]) -> TeacherTargets {
      var targets = TeacherTargets(prototypes: 30)
      for _ in 0..<2 {  // what was noted of the first batch must not count in the second
        for part in parts {
          _ = targets(logits[rows: part], temperature: 0.07)
          targets.note(logits[rows: part])
        }
        targets.moveCenter()
      }
      return targets
    }
    let (whole, divided) = (moved([0..<6]), moved([0..<1, 1..<4, 4..<6]))
    #expect(relativeError(divided.center, whole.center) < 1e-6)
    #expect(abs(divided.meanEntropy - whole.meanEntropy) < 1e-9)
  }

  @Test func `a batch without rows leaves the center where it is`() {
    var targets = TeacherTargets(prototypes: 30)
    targets.setCenter(hashFilled("center", [30]))
    let none = Tensor(uninitialized: [0, 30])
    #expect(targets(none, temperature: 0.07).shape == [0, 30])
    targets.note(none)
    targets.moveCenter()
    #expect(targets.center.array == hashFilled("center", [30]).array)
    #expect(targets.meanEntropy == 0)
  }
}
