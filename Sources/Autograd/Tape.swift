import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Records operations in order and runs their rules backwards, once.
///
/// Gradients of leaves (parameters) are written straight into a flat buffer, each into its own part;
/// gradients of other nodes live only until their operation's rule has used them.
public final class Tape {
  private struct Entry {
    let rule: any BackwardRule
    let inputs: [Int]
    let output: Int
  }

  private var entries: [Entry] = []
  private var gradients: [Tensor?] = []
  private var leafParts: [Int: Range<Int>] = [:]
  private var written: [Int: Bool] = [:]
  private var expected: [Range<Int>] = []
  private var leafBuffer: Tensor?
  private var isUsed = false
  private var isPaused = false
  /// Whether operations are being recorded once more in the middle of the backward pass.
  package private(set) var isRecomputing = false
  private var addsToLeaves = false

  /// An empty tape.
  public init() {}

  /// The number of recorded operations.
  public var count: Int { entries.count }

  /// The names of the recorded operations' rules, in order.
  package var ruleNames: [String] { entries.map { type(of: $0.rule).name } }

  /// A variable whose gradient is wanted, for tests and for inputs: read it with `gradient(of:)` after
  /// `backward`.
  public func variable(_ value: Tensor) -> Variable { Variable(value, node: newNode(), tape: self) }

  /// A parameter: its gradient goes to `part` of the flat buffer given to `backward`.
  package func leaf(_ value: Tensor, part: Range<Int>) -> Variable {
    let node = newNode()
    leafParts[node] = part
    return Variable(value, node: node, tape: self)
  }

  /// Makes sure that `part` of the flat buffer is written even if no leaf claims it: a parameter that this step does not
  /// use (every sample of its branch was dropped, say) has gradient zero, not the one of the step before.
  package func expect(_ part: Range<Int>) { expected.append(part) }

  /// Notes an operation's output; its rule is only built if an input is tracked.
  func record(_ value: Tensor, _ inputs: [Variable], _ rule: () -> any BackwardRule) -> Variable {
    if isPaused { return Variable(value) }
    precondition(!isUsed || isRecomputing, "Tape: recording after backward")
    let node = newNode()
    entries.append(Entry(rule: rule(), inputs: inputs.map { $0.node }, output: node))
    return Variable(value, node: node, tape: self)
  }

  /// Runs `body`; what it computes is not recorded.
  func withoutRecording<Result>(_ body: () -> Result) -> Result {
    let before = isPaused
    isPaused = true
    defer { isPaused = before }
    return body()
  }

  /// Records f(x) in the middle of the backward pass, x being the value of `node`, and goes back through it next.
  func recompute(_ node: Int, _ x: Tensor, _ f: (Variable) -> Variable, _ dy: consuming Tensor) {
    isRecomputing = true
    let y = f(Variable(x, node: node, tape: self))
    isRecomputing = false
    precondition(
      y.isTracked && y.shape == dy.shape, "recomputed: \(y.shape) the second time, \(dy.shape) the first")
    give(y.node, dy)
  }

  /// Forgets everything that was recorded, for a pass that is given up: rules that compute again hold what they need for
  /// it, this tape included.
  public func discard() {
    entries = []
    gradients = []
    isUsed = true
  }

  /// Runs all rules backwards from a scalar, and leaves leaf gradients in `buffer` (zero where none arrived).
  ///
  /// The tape is empty afterwards; rules and what they kept are freed as the pass goes back.
  public func backward(from loss: Variable, leavesInto buffer: inout Tensor) {
    precondition(loss.value.count == 1, "Tape.backward: the loss has shape \(loss.shape); a scalar is needed")
    backward(from: loss, seed: Tensor([1], loss.shape), leavesInto: &buffer)
  }

  /// The same from any output with its gradient; with `adding`, leaf gradients are added to what `buffer` holds.
  public func backward(
    from output: Variable, seed: Tensor, leavesInto buffer: inout Tensor, adding: Bool = false
  ) {
    precondition(output.tape === self, "Tape.backward: the output was not recorded on this tape")
    precondition(!isUsed, "Tape.backward: a tape is used once")
    isUsed = true
    addsToLeaves = adding
    buffer.withMutableElements { _ in }  // unique from here on
    leafBuffer = buffer
    buffer = Tensor(uninitialized: [0])
    gradients[output.node] = seed.copied()  // rules may write into what they are given
    while let entry = entries.popLast() {
      guard let dy = gradients[entry.output] else { continue }
      gradients[entry.output] = nil
      run(entry, consume dy)
    }
    let used = Set(leafParts.filter { written[$0.key] != nil }.map { $0.value.lowerBound })
    for part in expected + Array(leafParts.values) where !adding && !used.contains(part.lowerBound) {
      (leafBuffer!.pointer + part.lowerBound).update(repeating: 0, count: part.count)
    }
    buffer = leafBuffer!
    leafBuffer = nil
  }

  /// Runs backwards without parameters.
  public func backward(from loss: Variable) {
    var none = Tensor(repeating: 0, [1])
    backward(from: loss, leavesInto: &none)
  }

  /// The gradient that arrived at a variable made with `variable(_:)`.
  public func gradient(of variable: Variable) -> Tensor? { gradients[variable.node] }

  private func run(_ entry: Entry, _ dy: consuming Tensor) {
    var inputs = InputGradients(nodes: entry.inputs, tape: self)
    func open<Rule: BackwardRule>(_ rule: Rule, _ dy: consuming Tensor) {
      var held: Tensor? = consume dy
      profiled(Rule.name + ", gradient", rule.work(into: inputs)) {
        rule.backward(held.take()!, into: &inputs)
      }
    }
    open(entry.rule, consume dy)
  }

  private func newNode() -> Int {
    gradients.append(nil)
    return gradients.count - 1
  }

  func accumulate(_ node: Int, _ shape: Shape, _ body: (UnsafeMutablePointer<Float>, Float) -> Void) {
    if let part = leafParts[node] {
      precondition(
        part.count == shape.count, "Tape: a gradient of shape \(shape) for a parameter of \(part.count)")
      let isFirst = written.updateValue(true, forKey: node) == nil && !addsToLeaves
      body(leafBuffer!.pointer + part.lowerBound, isFirst ? 0 : 1)
    } else if let gradient = gradients[node] {
      precondition(gradient.shape == shape, "Tape: gradients of shapes \(gradient.shape) and \(shape) meet")
      body(gradient.pointer, 1)
    } else {
      let gradient = Tensor(uninitialized: shape)
      body(gradient.pointer, 0)
      gradients[node] = gradient
    }
  }

  func give(_ node: Int, _ gradient: consuming Tensor) {
    var given = consume gradient
    if leafParts[node] == nil && gradients[node] == nil {
      // Later writers add in place, so the memory must be nobody else's.
      gradients[node] = given.isUniquelyReferenced() ? given : given.copied()
      return
    }
    accumulate(node, given.shape) { into, beta in
      let blocks = Blocks(given.count, about: 1 << 16)
      ThreadPool.shared.forEach(blocks.count) { index in
        let part = blocks[index]
        if beta == 0 {
          (into + part.lowerBound).update(from: given.pointer + part.lowerBound, count: part.count)
        } else {
          em_add(into + part.lowerBound, given.pointer + part.lowerBound, 1, part.count)
        }
      }
    }
  }
}

/// Records an operation if any input is tracked; the rule is only built then. What it gives is the operation's result: a
/// loss that finds its gradient with its value hands over a `KnownGradientBackward`.
public func record(
  _ value: Tensor, _ inputs: [Variable], _ rule: @autoclosure () -> any BackwardRule
) -> Variable {
  guard let tape = inputs.lazy.compactMap({ $0.tape }).first else { return Variable(value) }
  return tape.record(value, inputs, rule)
}
