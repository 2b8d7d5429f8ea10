import EmanateTensors

/// y = f(x) without anything kept of f but x: f runs once more in the backward pass (activation checkpointing, Chen et
/// al. 2016, arXiv:1604.06174).
///
/// f may use tracked parameters; it must give the same numbers both times, so its randomness is keyed and it changes no
/// state. Gradients are then the same to the last bit.
public func recomputed(_ x: Variable, _ f: @escaping (Variable) -> Variable) -> Variable {
  guard let tape = x.tape else { return f(x) }
  let y = tape.withoutRecording { f(Variable(x.value)).value }
  return record(y, [x], RecomputedBackward(x: x.value, f: f))
}

struct RecomputedBackward: BackwardRule {
  static let name = "recomputed"
  let x: Tensor
  let f: (Variable) -> Variable

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    inputs.recompute(0, x, f, dy)
  }
}
