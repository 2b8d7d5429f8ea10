import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// x + y, shapes equal.
public func add(_ x: Variable, _ y: Variable) -> Variable {
  precondition(x.shape == y.shape, "add: shapes \(x.shape) and \(y.shape)")
  let sum = x.value.copied()
  em_add(sum.pointer, y.value.pointer, 1, sum.count)
  return record(sum, [x, y], AddBackward())
}

struct AddBackward: BackwardRule {
  static let name = "add"
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    inputs.give(1, dy.copied())
    inputs.give(0, dy)
  }
}

/// Exact GELU, x Φ(x), element by element; `linear(after: .gelu)` is the fused form.
public func gelu(_ x: Variable) -> Variable {
  let y = Tensor(uninitialized: x.shape)
  em_gelu(x.value.pointer, y.count, y.pointer)
  return record(y, [x], GELUBackward(x: x.value))
}

struct GELUBackward: BackwardRule {
  static let name = "gelu"
  let x: Tensor
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (dx, value) = (Tensor(uninitialized: x.shape), Tensor(uninitialized: x.shape))
    em_gelu_backward(x.pointer, dy.pointer, x.count, dx.pointer, value.pointer)
    withExtendedLifetime((dy, x, value)) {}
    inputs.give(0, dx)
  }
}

/// Σ x·w for a constant w of the same shape: a scalar, [1].
public func weightedSum(_ x: Variable, weights: Tensor) -> Variable {
  precondition(x.shape == weights.shape, "weightedSum: shapes \(x.shape) and \(weights.shape)")
  var sum = 0.0
  x.value.withElements { a in
    weights.withElements { b in for i in a.indices { sum += Double(a[i]) * Double(b[i]) } }
  }
  return record(Tensor([Float(sum)], [1]), [x], WeightedSumBackward(weights: weights))
}

struct WeightedSumBackward: BackwardRule {
  static let name = "weightedSum"
  let weights: Tensor
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    var dx = weights.copied()
    let factor = dy.scalar
    dx.withMutableElements { em_scale($0.baseAddress, factor, $0.count) }
    inputs.give(0, dx)
  }
}

/// Mean cross-entropy of rows of logits with integer labels: logits [N, C], labels N -> [1].
public func crossEntropy(_ logits: Variable, labels: [Int]) -> Variable {
  let (rows, classes) = (logits.shape[0], logits.shape[1])
  precondition(labels.count == rows, "crossEntropy: \(rows) rows and \(labels.count) labels")
  let x = logits.value
  let gradient = Tensor(uninitialized: x.shape)
  var total = 0.0
  for row in 0..<rows {
    let label = labels[row]
    precondition(
      label >= 0 && label < classes, "crossEntropy: label \(label) of row \(row), classes 0..<\(classes)")
    em_softmax(x.pointer + row * classes, nil, 1, classes, gradient.pointer + row * classes)
    total -= logarithm(Double(max(gradient.pointer[row * classes + label], 1e-38)))
    gradient.pointer[row * classes + label] -= 1
  }
  withExtendedLifetime(x) {}
  em_scale(gradient.pointer, 1 / Float(rows), gradient.count)
  return record(
    Tensor([Float(total / Double(rows))], [1]), [logits], KnownGradientBackward(gradient: gradient))
}

/// The gradient was found together with the value; it only wants the loss's own gradient as a factor.
public struct KnownGradientBackward: BackwardRule {
  /// `loss`.
  public static let name = "loss"
  /// Holds the gradient until it is handed on: as the only reference, so that nobody has to copy it.
  private final class Holder {
    var gradient: Tensor?
    init(_ gradient: consuming Tensor) { self.gradient = gradient }
  }

  private let holder: Holder
  /// `gradient` is that of a scalar by the operation's one input, and has the input's shape.
  public init(gradient: consuming Tensor) { holder = Holder(gradient) }
  /// Hands the gradient on, times the scalar's own.
  public consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    var gradient = holder.gradient.take()!
    let factor = dy.scalar
    if factor != 1 { gradient.withMutableElements { em_scale($0.baseAddress, factor, $0.count) } }
    inputs.give(0, consume gradient)
  }
}
