import EmanateTensors

/// A tensor in a computation that may be differentiated.
///
/// A variable without a tape is a constant: operations on constants record nothing.
public struct Variable {
  /// The number itself.
  public let value: Tensor
  let node: Int
  let tape: Tape?

  /// A constant.
  public init(_ value: Tensor) {
    self.value = value
    node = -1
    tape = nil
  }

  init(_ value: Tensor, node: Int, tape: Tape) {
    self.value = value
    self.node = node
    self.tape = tape
  }

  /// The value on its own, and what stands for the variable when an operation on it is recorded: for operations that
  /// write over the value if nobody else holds it.
  package consuming func taken() -> (value: Tensor, source: Variable) {
    let (node, tape) = (node, tape)
    let value = value
    guard let tape else { return (value, Variable(Tensor(uninitialized: [0]))) }
    return (value, Variable(Tensor(uninitialized: [0]), node: node, tape: tape))
  }

  /// The shape of the value.
  public var shape: Shape { value.shape }

  /// Whether a gradient will flow back to this variable.
  public var isTracked: Bool { tape != nil }

  /// The only element of a variable that has one.
  public var scalar: Float { value.scalar }

  /// The same elements under another shape; the gradient takes the old shape again.
  public func reshaped(_ shape: Shape) -> Variable {
    guard let tape else { return Variable(value.reshaped(shape)) }
    return tape.record(value.reshaped(shape), [self], { ReshapeBackward(shape: value.shape) })
  }
}

struct ReshapeBackward: BackwardRule {
  static let name = "reshape"
  let shape: Shape
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    inputs.give(0, dy.reshaped(shape))
  }
}
