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
public func linear(
  _ x: Variable, _ weight: Variable, _ bias: Variable, after prelude: Prelude = .none,
  of kept: KeptSamples? = nil
) -> Variable {
  let step = LinearStep(x, weight, bias, prelude, rows: kept?.rows.count, map: kept?.rows)
  let y = Tensor(
    uninitialized: kept.map { Shape([$0.count, x.shape[1], step.outputs]) }
      ?? x.shape.replacingLast(step.outputs))
  let statistics = step.forward(into: y.pointer, residual: nil)
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
  addedTo residual: Variable, of kept: KeptSamples? = nil
) -> Variable {
  let step = LinearStep(x, weight, bias, prelude, rows: nil, map: nil)
  precondition(
    residual.shape[-1] == step.outputs && step.rows == kept?.rows.count ?? residual.shape.rows,
    "linear: \(step.rows) rows of \(step.outputs) do not fit the residual \(residual.shape)")
  let y = Tensor(uninitialized: residual.shape)
  let scale = kept?.scale ?? 1
  if let kept, kept.rows.count < residual.shape.rows { copyElements(residual.value, into: y) }
  let statistics = step.forward(
    into: y.pointer, residual: .init(value: residual.value.pointer, map: kept?.rows, scale: scale))
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
  /// The product's row i is row map[i] of x.
  let map: [Int32]?
  let inputVariables: [Variable]
  /// Mean and reciprocal deviation of each row, where the prelude is a layer normalisation: [2, rows].
  var statistics: Tensor?

  init(_ x: Variable, _ weight: Variable, _ bias: Variable, _ prelude: Prelude, rows: Int?, map: [Int32]?) {
    precondition(
      weight.shape.rank >= 2 && x.shape[-1] * weight.shape[0] == weight.shape.count
        && bias.shape.count == weight.shape[0],
      "linear: input \(x.shape), weight \(weight.shape) and bias \(bias.shape) do not fit")
    self.x = x.value
    self.weight = weight.value
    self.bias = bias.value
    inputs = weight.shape.count / weight.shape[0]  // a convolution over patches has [O, C, P, P]
    outputs = weight.shape[0]
    self.rows = rows ?? x.shape.rows
    self.map = map
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
    (x, weight, bias, kind) = (other.x, other.weight, other.bias, other.kind)
    (rows, inputs, outputs, map) = (other.rows, other.inputs, other.outputs, other.map)
    inputVariables = []
    self.statistics = statistics
  }

  /// What the backward rule keeps: the operands without the graph.
  func saved(_ statistics: Tensor?) -> LinearStep { LinearStep(self, statistics) }

  /// Many rows: a block goes through prelude, product and bias while it is in cache. Few rows: one stage
  /// after the other, each cut its own way.
  var isCutByRows: Bool { rows >= 384 }
  var rowBlocks: Blocks { Blocks(rows, about: 96) }

  /// f(x) for some rows into `out`, which starts at the range's first row.
  func prelude(
    _ range: Range<Int>, statistics: Tensor?, isAgain: Bool, into out: UnsafeMutablePointer<Float>
  ) {
    switch kind {
    case .none:
      break
    case .gelu:
      em_gelu(x.pointer + range.lowerBound * inputs, range.count * inputs, out)
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

  var needsPrelude: Bool { if case .none = kind { false } else { true } }

  func forward(into y: UnsafeMutablePointer<Float>, residual: Residual?) -> Tensor? {
    var statistics: Tensor?
    if case .layerNorm = kind { statistics = Tensor(uninitialized: [2, rows]) }
    let kept = statistics
    if isCutByRows {
      let blocks = rowBlocks
      let multiply = BlockMultiplication(
        Matrix(weight.pointer, stride: inputs, transposed: true), depth: inputs, columns: outputs)
      ThreadPool.shared.forEach(blocks.count) { index in
        let range = blocks[index]
        let a = needsPrelude ? Tensor(uninitialized: [range.count, inputs]) : nil
        if let a { prelude(range, statistics: kept, isAgain: false, into: a.pointer) }
        let from = a?.pointer ?? x.pointer + range.lowerBound * inputs
        let branch = residual == nil ? nil : Tensor(uninitialized: [range.count, outputs])
        let to = branch?.pointer ?? y + range.lowerBound * outputs
        multiply(from, rows: range.count, into: to)
        finish(range, branch: to, residual: residual, into: y)
        withExtendedLifetime((a, branch)) {}
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
      let to = branch?.pointer ?? y
      product(
        Matrix(a?.pointer ?? x.pointer, stride: inputs),
        Matrix(weight.pointer, stride: inputs, transposed: true),
        rows: rows, columns: outputs, depth: inputs, into: to, stride: outputs)
      ThreadPool.shared.forEach(small.count) { index in
        finish(
          small[index], branch: to + small[index].lowerBound * outputs, residual: residual, into: y)
      }
      withExtendedLifetime((a, branch)) {}
    }
    return statistics
  }

  private func finish(
    _ range: Range<Int>, branch: UnsafeMutablePointer<Float>, residual: Residual?,
    into y: UnsafeMutablePointer<Float>
  ) {
    if let residual {
      withMap(residual.map) { map in
        em_residual(
          branch, bias.pointer, residual.scale, residual.value, map, range.lowerBound, range.count, outputs, y
        )
      }
    } else {
      em_add_bias(branch, bias.pointer, range.count, outputs)
    }
  }
}

/// Multiplies row blocks with one matrix, packed once for all of them where its width allows.
private struct BlockMultiplication {
  private let matrix: Matrix
  private let depth, columns: Int
  private let memory: Tensor?
  private let packed: PackedMatrix?

  /// [depth, columns]; the matrix itself must outlive this value.
  init(_ matrix: Matrix, depth: Int, columns: Int) {
    (self.matrix, self.depth, self.columns) = (matrix, depth, columns)
    memory = PackedMatrix.fits(columns: columns) ? Tensor(uninitialized: [depth, columns]) : nil
    packed = memory.map { PackedMatrix(matrix, depth: depth, columns: columns, into: $0.pointer) }
  }

  /// c = a · matrix + beta c: [rows, depth] -> [rows, columns], both without gaps between rows.
  func callAsFunction(
    _ a: UnsafeMutablePointer<Float>, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0
  ) {
    if let packed {
      packed.product(a, stride: depth, rows: rows, into: c, beta: beta)
    } else {
      blockProduct(
        Matrix(a, stride: depth), matrix, rows: rows, columns: columns, depth: depth, into: c,
        stride: columns,
        beta: beta)
    }
    withExtendedLifetime(memory) {}
  }
}

struct LinearBackward: BackwardRule {
  static let name = "linear"
  let step: LinearStep
  let residualMap: [Int32]?
  let scale: Float
  let hasResidual: Bool

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let last = inputs.nodes.count - 1
    if hasResidual && (residualMap != nil || scale != 1) {
      let branch = gathered(dy)
      passBack(branch, &inputs)
    } else {
      passBack(dy, &inputs)
    }
    if hasResidual { inputs.give(last, dy) }
  }

  /// The gradient of the branch: the kept rows of dy, scaled.
  private func gathered(_ dy: borrowing Tensor) -> Tensor {
    let branch = Tensor(uninitialized: [step.rows, step.outputs])
    let (from, width, rows) = (dy.pointer, step.outputs, Blocks(step.rows, about: 64))
    ThreadPool.shared.forEach(rows.count) { index in
      let range = rows[index]
      withMap(residualMap) {
        em_gather(
          from, $0, range.lowerBound, range.count, width, scale, branch.pointer + range.lowerBound * width)
      }
    }
    return branch
  }

  private func passBack(_ dy: borrowing Tensor, _ inputs: inout InputGradients) {
    let step = self.step
    let (rows, width, outputs) = (step.rows, step.inputs, step.outputs)
    let upstream = dy.pointer
    // f(x) once more, for the weight's gradient; the row blocks below fill it on their way.
    let activated = step.needsPrelude ? Tensor(uninitialized: [rows, width]) : nil
    let blocks = step.isCutByRows ? step.rowBlocks : Blocks(rows, about: 32)
    let biasSums = Tensor(uninitialized: [blocks.count, outputs])
    let normSums = Tensor(uninitialized: [blocks.count, 2, width])

    let backMultiply =
      step.isCutByRows && inputs.wants(0)
      ? BlockMultiplication(Matrix(step.weight.pointer, stride: width), depth: outputs, columns: width) : nil
    let whole: Tensor?
    if step.isCutByRows || !inputs.wants(0) {
      whole = nil
    } else {
      whole = Tensor(uninitialized: [rows, width])
      product(
        Matrix(upstream, stride: outputs), Matrix(step.weight.pointer, stride: width), rows: rows,
        columns: width,
        depth: outputs, into: whole!.pointer, stride: width)
    }

    func pass(_ range: Range<Int>, _ index: Int, into dx: UnsafeMutablePointer<Float>?, beta: Float) {
      em_column_sums(
        upstream + range.lowerBound * outputs, range.count, outputs, outputs,
        biasSums.pointer + index * outputs, 0)
      let a = activated.map { $0.pointer + range.lowerBound * width }
      guard let dx else {
        if let a { step.prelude(range, statistics: step.statistics, isAgain: true, into: a) }
        return
      }
      let at = dx + range.lowerBound * width
      func multiply(into da: UnsafeMutablePointer<Float>, beta: Float) {
        if let whole {
          let from = whole.pointer + range.lowerBound * width
          if beta == 0 {
            da.update(from: from, count: range.count * width)
          } else {
            em_add(da, from, 1, range.count * width)
          }
        } else {
          backMultiply!(upstream + range.lowerBound * outputs, rows: range.count, into: da, beta: beta)
        }
      }
      switch step.kind {
      case .none:
        multiply(into: at, beta: beta)
      case .gelu:
        let x = step.x.pointer + range.lowerBound * width
        if beta == 0 {
          multiply(into: at, beta: 0)
          em_gelu_backward(x, at, range.count * width, at, a!)
        } else {
          let da = Tensor(uninitialized: [range.count, width])
          multiply(into: da.pointer, beta: 0)
          em_gelu_backward(x, da.pointer, range.count * width, da.pointer, a!)
          em_add(at, da.pointer, 1, range.count * width)
          withExtendedLifetime(da) {}
        }
      case .layerNorm(let gamma, _, _):
        let da = Tensor(uninitialized: [range.count, width])
        multiply(into: da.pointer, beta: 0)
        step.prelude(range, statistics: step.statistics, isAgain: true, into: a!)
        let (mean, deviation) = (step.statistics!.pointer, step.statistics!.pointer + rows)
        let sums = normSums.pointer + index * 2 * width
        withMap(step.map) { map in
          em_layer_norm_backward(
            da.pointer, step.x.pointer, map, range.lowerBound, range.count, width, gamma.pointer, mean,
            deviation, dx, beta == 0 ? 0 : 1, sums, sums + width)
        }
        withExtendedLifetime(da) {}
      }
    }

    if inputs.wants(0) {
      inputs.add(0, step.x.shape) { dx, beta in
        // With kept samples, rows that nobody writes must be zero.
        if beta == 0 && step.map != nil { dx.update(repeating: 0, count: step.x.count) }
        ThreadPool.shared.forEach(blocks.count) { pass(blocks[$0], $0, into: dx, beta: beta) }
      }
    } else {
      ThreadPool.shared.forEach(blocks.count) { pass(blocks[$0], $0, into: nil, beta: 0) }
    }

    inputs.add(1, step.weight.shape) { dw, beta in
      let a = activated?.pointer ?? step.x.pointer
      product(
        Matrix(upstream, stride: outputs, transposed: true),
        Matrix(a, stride: width), rows: outputs, columns: width,
        depth: rows,
        into: dw, stride: width, beta: beta)
    }
    inputs.add(2, [outputs]) { db, beta in
      em_column_sums(biasSums.pointer, blocks.count, outputs, outputs, db, beta == 0 ? 0 : 1)
    }
    if case .layerNorm = step.kind {
      precondition(
        inputs.wants(0) || !inputs.wants(3), "linear: a layer normalisation of a constant is not trained")
      inputs.add(3, [width]) { sum, beta in
        em_column_sums(normSums.pointer, blocks.count, width, 2 * width, sum, beta == 0 ? 0 : 1)
      }
      inputs.add(4, [width]) { sum, beta in
        em_column_sums(normSums.pointer + width, blocks.count, width, 2 * width, sum, beta == 0 ? 0 : 1)
      }
    }
    withExtendedLifetime((activated, biasSums, normSums, whole)) {}
  }
}
