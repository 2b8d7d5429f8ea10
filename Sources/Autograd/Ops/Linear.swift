import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// What happens to the rows on their way into a linear layer; recomputed in the backward pass, never stored.
public enum Prelude {
  /// Nothing.
  case none
  /// Exact GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415).
  case gelu
  /// Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450). weight, bias: [I].
  case layerNorm(weight: Variable, bias: Variable, epsilon: Float)
}

/// y = f(x) Wᵀ + b, f being the prelude.  x: [..., I], weight: [O, I] (or [O, ...] of I numbers a row),
/// bias: [O] -> [..., O].
///
/// With `kept`, x is [B, T, I] and only its kept samples go in: the result is [kept.count, T, O].
///
/// In bfloat16 f(x), the weight and the gradient dy are rounded on their way into the products, and the result too if it
/// is to be kept so; below some hundred rows, and where I or O is no multiple of 16, everything is float32.
public func linear(
  _ x: Variable, _ weight: Variable, _ bias: Variable, after prelude: Prelude = .none,
  of kept: KeptSamples? = nil, in precision: Precision = .float32, keeping result: Precision = .float32
) -> Variable {
  let step = LinearStep(x, weight, bias, prelude, rows: kept?.rows.count, map: kept?.rows, precision)
  let y = Tensor(
    uninitialized: kept.map { Shape([$0.count, x.shape[1], step.outputs]) }
      ?? x.shape.replacingLast(step.outputs), as: step.isRounded ? result : .float32)
  let statistics = profiled(LinearBackward.name, step.work(products: 1)) {
    step.forward(into: y, residual: nil)
  }
  return record(
    y, step.inputVariables,
    LinearBackward(step: step.saved(statistics), residualMap: nil, scale: 1, hasResidual: false))
}

/// y = residual + s (f(x) Wᵀ + b).  x: [..., I], weight: [O, I], bias: [O], residual: [..., O] -> [..., O].
///
/// With `kept`, x holds the kept samples only, s is their scale, and other samples of the residual pass
/// unchanged.
public func linear(
  _ x: Variable, _ weight: Variable, _ bias: Variable, after prelude: Prelude = .none,
  addedTo residual: Variable, of kept: KeptSamples? = nil, in precision: Precision = .float32
) -> Variable {
  let step = LinearStep(x, weight, bias, prelude, rows: nil, map: nil, precision)
  precondition(
    residual.shape[-1] == step.outputs && step.rows == kept?.rows.count ?? residual.shape.rows,
    "linear: \(step.rows) rows of \(step.outputs) do not fit the residual \(residual.shape)")
  let y = Tensor(uninitialized: residual.shape)
  let scale = kept?.scale ?? 1
  let statistics = profiled(LinearBackward.name, step.work(products: 1)) {
    if let kept, kept.rows.count < residual.shape.rows { copyElements(residual.value, into: y) }
    return step.forward(
      into: y, residual: .init(value: residual.value.pointer, map: kept?.rows, scale: scale))
  }
  return record(
    y, step.inputVariables + [residual],
    LinearBackward(step: step.saved(statistics), residualMap: kept?.rows, scale: scale, hasResidual: true))
}

/// Copies on the pool.
func copyElements(_ from: Tensor, into to: Tensor) {
  let blocks = Blocks(from.count, about: 1 << 16)
  ThreadPool.shared.forEach(blocks.count) { index in
    let part = blocks[index]
    (to.pointer + part.lowerBound).update(from: from.pointer + part.lowerBound, count: part.count)
  }
}

/// A linear layer's sizes and operands, shared by its two directions.
struct LinearStep {
  enum Kind {
    case none, gelu
    case layerNorm(weight: Tensor, bias: Tensor, epsilon: Float)
  }

  struct Residual {
    let value: UnsafeMutablePointer<Float>
    let map: [Int32]?
    let scale: Float
  }

  let x, weight, bias: Tensor
  let kind: Kind
  /// Rows that go through the product, each `inputs` wide before and `outputs` wide after it.
  let rows, inputs, outputs: Int
  /// Whether operands of the products are rounded to bfloat16.
  let isRounded: Bool
  /// The product's row i is row map[i] of x.
  let map: [Int32]?
  let inputVariables: [Variable]
  /// Mean and reciprocal deviation of each row, where the prelude is a layer normalisation: [2, rows].
  var statistics: Tensor?

  init(
    _ x: Variable, _ weight: Variable, _ bias: Variable, _ prelude: Prelude, rows: Int?, map: [Int32]?,
    _ precision: Precision
  ) {
    precondition(
      weight.shape.rank >= 2 && x.shape[-1] * weight.shape[0] == weight.shape.count
        && bias.shape.count == weight.shape[0],
      "linear: input \(x.shape), weight \(weight.shape) and bias \(bias.shape) do not fit")
    self.weight = weight.value
    self.bias = bias.value
    inputs = weight.shape.count / weight.shape[0]  // a convolution over patches has [O, C, P, P]
    outputs = weight.shape[0]
    self.rows = rows ?? x.shape.rows
    self.map = map
    isRounded = precision == .bfloat16 && Self.isCutByRows(self.rows) && fitsBfloat16(inputs, outputs)
    self.x = isRounded ? x.value : x.value.float32()
    switch prelude {
    case .none:
      precondition(map == nil, "linear: kept samples need a layer normalisation before the product")
      kind = .none
      inputVariables = [x, weight, bias]
    case .gelu:
      precondition(map == nil, "linear: kept samples need a layer normalisation before the product")
      kind = .gelu
      inputVariables = [x, weight, bias]
    case .layerNorm(let gamma, let beta, let epsilon):
      precondition(
        gamma.shape.count == inputs && beta.shape.count == inputs,
        "linear: layer normalisation \(gamma.shape), \(beta.shape) over rows of \(inputs)")
      kind = .layerNorm(weight: gamma.value, bias: beta.value, epsilon: epsilon)
      inputVariables = [x, weight, bias, gamma, beta]
    }
  }

  private init(_ other: LinearStep, _ statistics: Tensor?) {
    (x, weight, bias, kind, isRounded) = (other.x, other.weight, other.bias, other.kind, other.isRounded)
    (rows, inputs, outputs, map) = (other.rows, other.inputs, other.outputs, other.map)
    inputVariables = []
    self.statistics = statistics
  }

  /// What the backward rule keeps: the operands without the graph.
  func saved(_ statistics: Tensor?) -> LinearStep { LinearStep(self, statistics) }

  /// Many rows: a block goes through prelude, product and bias while it is in cache. Few rows: one stage
  /// after the other, each cut its own way.
  var isCutByRows: Bool { Self.isCutByRows(rows) }
  private static func isCutByRows(_ rows: Int) -> Bool { rows >= 384 }
  var rowBlocks: Blocks { Blocks(rows, about: 96) }

  /// f(x) for some rows into `out`, which starts at the range's first row.
  func prelude(
    _ range: Range<Int>, statistics: Tensor?, isAgain: Bool, into out: UnsafeMutablePointer<Float>
  ) {
    switch kind {
    case .none:
      break
    case .gelu:
      em_gelu(wide(range, out), range.count * inputs, out)
    case .layerNorm(let gamma, let beta, let epsilon):
      let (mean, deviation) = (statistics!.pointer, statistics!.pointer + rows)
      withMap(map) { map in
        if isAgain {
          em_layer_norm_again(
            x.pointer, map, range.lowerBound, range.count, inputs, gamma.pointer, beta.pointer, mean,
            deviation, out)
        } else {
          em_layer_norm(
            x.pointer, map, range.lowerBound, range.count, inputs, gamma.pointer, beta.pointer, epsilon, out,
            mean, deviation)
        }
      }
    }
  }

  /// Rows of x as float32: where they stand, or widened into `scratch`.
  func wide(_ range: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    if x.precision == .float32 { return x.pointer + range.lowerBound * inputs }
    em_from_bfloat16(x.bfloat16Pointer + range.lowerBound * inputs, range.count * inputs, scratch)
    return scratch
  }

  /// Rows of f(x), which are `activated` if there is a prelude, as the product reads them.
  func operand(_ range: Range<Int>, _ activated: UnsafeMutablePointer<Float>?, rounded: Tensor?) -> Operand {
    if activated == nil && x.precision == .bfloat16 {
      return .bfloat16(x.bfloat16Pointer + range.lowerBound * inputs)
    }
    return Operand(
      activated ?? x.pointer + range.lowerBound * inputs, count: range.count * inputs, rounded: rounded)
  }

  /// Where `operand` rounds `rows` rows, if it does.
  func rounding(rows: Int, _ width: Int) -> Tensor? {
    isRounded ? Tensor(uninitialized: [rows, width], as: .bfloat16) : nil
  }

  /// The work of as many products of the layer's size: one forward, one for each gradient.
  func work(products count: Int) -> Work {
    Work(
      products: count, rows, inputs, outputs,
      numbers: count * (rows * (inputs + outputs) + inputs * outputs))
  }

  var needsPrelude: Bool { if case .none = kind { false } else { true } }

  func forward(into y: Tensor, residual: Residual?) -> Tensor? {
    var statistics: Tensor?
    if case .layerNorm = kind { statistics = Tensor(uninitialized: [2, rows]) }
    let kept = statistics
    if isCutByRows {
      let blocks = rowBlocks
      let multiply = BlockMultiplication(
        Matrix(weight.pointer, stride: inputs, transposed: true), depth: inputs, columns: outputs,
        in: isRounded ? .bfloat16 : .float32)
      ThreadPool.shared.forEach(blocks.count) { index in
        let range = blocks[index]
        let a = needsPrelude ? Tensor(uninitialized: [range.count, inputs]) : nil
        if let a { prelude(range, statistics: kept, isAgain: false, into: a.pointer) }
        let rounded = rounding(rows: range.count, inputs)
        let isDirect = residual == nil && y.precision == .float32
        let branch = isDirect ? nil : Tensor(uninitialized: [range.count, outputs])
        let to = branch?.pointer ?? y.pointer + range.lowerBound * outputs
        multiply(
          operand(range, a?.pointer, rounded: rounded), rows: range.count, into: to,
          bias: residual == nil ? bias.pointer : nil)
        if let residual {
          add(range, branch: to, to: residual, into: y.pointer)
        } else if !isDirect {
          em_to_bfloat16(to, range.count * outputs, y.bfloat16Pointer + range.lowerBound * outputs)
        }
        withExtendedLifetime((a, branch, rounded)) {}
      }
    } else {
      let a = needsPrelude ? Tensor(uninitialized: [rows, inputs]) : nil
      let small = Blocks(rows, about: 16)
      if let a {
        ThreadPool.shared.forEach(small.count) { index in
          prelude(
            small[index], statistics: kept, isAgain: false, into: a.pointer + small[index].lowerBound * inputs
          )
        }
      }
      let branch = residual == nil ? nil : Tensor(uninitialized: [rows, outputs])
      let to = branch?.pointer ?? y.pointer
      product(
        Matrix(a?.pointer ?? x.pointer, stride: inputs),
        Matrix(weight.pointer, stride: inputs, transposed: true),
        rows: rows, columns: outputs, depth: inputs, into: to, stride: outputs)
      ThreadPool.shared.forEach(small.count) { index in
        let branch = to + small[index].lowerBound * outputs
        if let residual {
          add(small[index], branch: branch, to: residual, into: y.pointer)
        } else {
          em_add_bias(branch, bias.pointer, small[index].count, outputs)
        }
      }
      withExtendedLifetime((a, branch)) {}
    }
    return statistics
  }

  /// y = residual + scale · (branch + bias) for some rows.
  private func add(
    _ range: Range<Int>, branch: UnsafeMutablePointer<Float>, to residual: Residual,
    into y: UnsafeMutablePointer<Float>
  ) {
    withMap(residual.map) { map in
      em_residual(
        branch, bias.pointer, residual.scale, residual.value, map, range.lowerBound, range.count, outputs, y)
    }
  }
}
