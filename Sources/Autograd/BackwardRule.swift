import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// How a gradient passes one operation: keeps what it needs as `let`s, is used once.
public protocol BackwardRule {
  /// The operation's name, for profiles and messages.
  static var name: String { get }

  /// Passes the output's gradient on to the inputs.
  ///
  /// `dy` arrives as the only reference where possible, so that a rule may reuse its memory.
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients)

  /// How much that computes and moves, for profiles; nothing unless a rule says so.
  func work(into inputs: InputGradients) -> Work
}

extension BackwardRule {
  /// Numbers of unknown count: only the time is noted.
  public func work(into inputs: InputGradients) -> Work { Work(numbers: 0) }
}

/// Where a rule leaves the gradients of its operation's inputs.
public struct InputGradients {
  let nodes: [Int]
  let tape: Tape

  /// Whether input `index` wants a gradient at all; skip the work if not.
  public func wants(_ index: Int) -> Bool { nodes[index] >= 0 }

  /// Lets `body` write the gradient of input `index`: as `beta * old + new`, beta being 0 for the first
  /// writer (then nothing need be read) and 1 for later ones.
  public mutating func add(
    _ index: Int, _ shape: Shape, _ body: (UnsafeMutablePointer<Float>, _ beta: Float) -> Void
  ) {
    guard wants(index) else { return }
    tape.accumulate(nodes[index], shape, body)
  }

  /// Hands over a finished gradient: kept as it is if it is the first, else added.
  public mutating func give(_ index: Int, _ gradient: consuming Tensor) {
    guard wants(index) else { return }
    tape.give(nodes[index], consume gradient)
  }

  /// Computes f(x) again, x being input `index`, and passes the gradient `dy` of its result back through it.
  mutating func recompute(_ index: Int, _ x: Tensor, _ f: (Variable) -> Variable, _ dy: consuming Tensor) {
    tape.recompute(nodes[index], x, f, dy)
  }
}
