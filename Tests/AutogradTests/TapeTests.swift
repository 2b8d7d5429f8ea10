import EmanateKernels
import EmanateAutograd
import EmanateTensors
import TestSupport
import Testing

@Suite struct TapeTests {
  @Test func `constants record nothing, so a teacher's rule is never built`() {
    var built = 0
    func noted() -> any BackwardRule {
      built += 1
      return Never()
    }
    struct Never: BackwardRule {
      static let name = "never"
      consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {}
    }
    _ = record(Tensor([1], [1]), [Variable(Tensor([1], [1]))], noted())
    #expect(built == 0)
    let tape = Tape()
    _ = record(Tensor([1], [1]), [tape.variable(Tensor([1], [1]))], noted())
    #expect(built == 1 && tape.count == 1)
  }

  @Test func `a parameter's gradient goes to its part of the flat buffer, and nothing else is touched`() {
    let tape = Tape()
    let used = tape.leaf(Tensor([1, 2], [2]), part: 1..<3)
    let ignored = tape.leaf(Tensor([3], [1]), part: 4..<5)
    tape.expect(6..<8)
    var buffer = Tensor(repeating: 7, [9])
    tape.backward(from: weightedSum(used, weights: Tensor([5, 6], [2])), leavesInto: &buffer)
    #expect(buffer.array == [7, 5, 6, 7, 0, 7, 0, 0, 7])
    _ = ignored
  }

  @Test func `a buffer that somebody else holds is copied, not overwritten`() {
    let tape = Tape()
    let x = tape.leaf(Tensor([1], [1]), part: 0..<1)
    var buffer = Tensor(repeating: 7, [1])
    let held = buffer
    tape.backward(from: weightedSum(x, weights: Tensor([2], [1])), leavesInto: &buffer)
    #expect(held.array == [7] && buffer.array == [2])
  }

  @Test func `gradients of a variable used in many places add up`() {
    let tape = Tape()
    let x = tape.variable(hashFilled("x", [3, 4]))
    let sum = add(add(x, x), add(gelu(x), x.reshaped([4, 3]).reshaped([3, 4])))
    tape.backward(from: weightedSum(sum, weights: Tensor(repeating: 1, [3, 4])))
    let other = Tape()
    let y = other.variable(x.value)
    other.backward(from: weightedSum(gelu(y), weights: Tensor(repeating: 1, [3, 4])))
    let expected = other.gradient(of: y)!.array.map { $0 + 3 }
    #expect(relativeError(tape.gradient(of: x)!, Tensor(expected, [3, 4])) < 1e-6)
  }

  @Test func `a variable that the loss does not reach has no gradient`() {
    let tape = Tape()
    let (x, y) = (tape.variable(Tensor([1], [1])), tape.variable(Tensor([1], [1])))
    _ = gelu(y)
    tape.backward(from: weightedSum(x, weights: Tensor([1], [1])))
    #expect(tape.gradient(of: y) == nil && tape.gradient(of: x)?.array == [1])
  }

  @Test func `a profile reckons a linear layer's products`() {
    let tape = Tape()
    let x = tape.variable(hashFilled("x", [6, 5]))
    let (weight, bias) = (tape.variable(hashFilled("w", [4, 5])), tape.variable(hashFilled("b", [4])))
    Profile.shared.begin()
    let y = linear(x, weight, bias)
    tape.backward(from: weightedSum(y, weights: hashFilled("u", [6, 4])))
    let lines = Dictionary(uniqueKeysWithValues: Profile.shared.end().map { ($0.kind, $0) })
    #expect(lines["linear"]?.operations == 240)
    #expect(lines["linear, gradient"]?.operations == 480)
    #expect(lines["linear"]?.bytes == 296)
    #expect(lines["weightedSum, gradient"]?.calls == 1)
  }

  /// Passes its gradient on and notes where it stood in memory.
  private struct Passing: BackwardRule {
    static let name = "passing"
    let note: (UnsafeMutablePointer<Float>) -> Void
    consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
      note(dy.pointer)
      inputs.give(0, consume dy)
    }
  }

  @Test func `a gradient that is handed on is not copied`() {
    var places: [UnsafeMutablePointer<Float>] = []
    let tape = Tape()
    var x = tape.variable(hashFilled("x", [6, 5]))
    for _ in 0..<4 { x = record(x.value, [x], Passing { places.append($0) }) }
    let (weight, bias) = (Variable(hashFilled("w", [5, 5])), Variable(hashFilled("b", [5])))
    let y = linear(Variable(hashFilled("branch", [6, 5])), weight, bias, addedTo: x)
    tape.backward(from: weightedSum(y, weights: hashFilled("u", [6, 5])))
    #expect(places.count == 4 && Set(places).count == 1)
  }
}
