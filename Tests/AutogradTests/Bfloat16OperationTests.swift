import EmanateAutograd
import EmanateKernels
import EmanateTensors
import TestSupport
import Testing

/// The nearest bfloat16, ties to even.
private func nearest(_ x: Float) -> Float {
  let bits = x.bitPattern
  return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
}

private func nearest(_ x: Tensor) -> Tensor { Tensor(x.array.map(nearest), x.shape) }

/// a [m, k] times b [k, n], in Double; either may be read transposed.
private func multiplied(
  _ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false
) -> Tensor {
  let (m, k) = transposeA ? (a.shape[-1], a.shape.rows) : (a.shape.rows, a.shape[-1])
  let n = transposeB ? b.shape.rows : b.shape[-1]
  let (x, y) = (a.array, b.array)
  var c = [Float](repeating: 0, count: m * n)
  for i in 0..<m {
    for j in 0..<n {
      var sum = 0.0
      for p in 0..<k {
        sum += Double(x[transposeA ? p * m + i : i * k + p]) * Double(y[transposeB ? j * k + p : p * n + j])
      }
      c[i * n + j] = Float(sum)
    }
  }
  return Tensor(c, [m, n])
}

/// y = x Wᵀ + b with the operands of all three products rounded, and nothing else.
private func roundedLinear(_ x: Variable, _ weight: Variable, _ bias: Variable) -> Variable {
  let product = multiplied(nearest(x.value), nearest(weight.value), transposeB: true)
  let y = product.array.enumerated().map { $0.element + bias.value.array[$0.offset % bias.shape.count] }
  return record(
    Tensor(y, x.shape.replacingLast(weight.shape[0])), [x, weight, bias],
    RoundedLinearBackward(x: x.value, weight: weight.value))
}

private struct RoundedLinearBackward: BackwardRule {
  static let name = "roundedLinear"
  let x, weight: Tensor
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let ones = Tensor(repeating: 1, [1, dy.shape.rows])
    inputs.give(0, multiplied(nearest(dy), nearest(weight)).reshaped(x.shape))
    inputs.give(1, multiplied(nearest(dy), nearest(x), transposeA: true))
    inputs.give(2, multiplied(ones, dy).reshaped([dy.shape[-1]]))
  }
}

/// A value that is kept in bfloat16; its gradient passes.
private func kept(_ x: Variable) -> Variable { record(nearest(x.value), [x], KeptBackward()) }

private struct KeptBackward: BackwardRule {
  static let name = "kept"
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) { inputs.give(0, dy) }
}

/// Attention whose result is kept in bfloat16. Where the processor multiplies bfloat16 numbers, probabilities and
/// gradients are rounded on their way into the products; its gradient takes Σ dy·y from what was kept.
private struct KeptAttention {
  let qkv: Tensor
  let heads: Int
  var rounds = hasBfloat16Instructions()
  private var batch: Int { qkv.shape[0] }
  private var tokens: Int { qkv.shape[1] }
  private var width: Int { qkv.shape[2] / 3 }
  private var depth: Int { width / heads }

  private func operand(_ x: Double) -> Double { rounds ? Double(nearest(Float(x))) : x }

  private func dot(_ a: [Double], _ i: Int, _ b: [Double], _ j: Int) -> Double {
    (0..<depth).reduce(0) { $0 + a[i + $1] * b[j + $1] }
  }

  /// Calls `body` for each query with the places of its numbers: in qkv by token and part, in y.
  private func forEachQuery(
    _ body: (_ query: Int, _ at: (_ token: Int, _ part: Int) -> Int, _ place: Int) -> Void
  ) {
    for unit in 0..<batch * heads {
      let (sample, head) = (unit / heads, unit % heads)
      for i in 0..<tokens {
        body(
          i, { (sample * tokens + $0) * 3 * width + $1 * width + head * depth },
          (sample * tokens + i) * width + head * depth)
      }
    }
  }

  /// e^(score - the greatest) of a query.
  private func powers(_ x: [Double], _ i: Int, _ at: (Int, Int) -> Int) -> [Double] {
    let scores = (0..<tokens).map { dot(x, at(i, 0), x, at($0, 1)) / Double(depth).squareRoot() }
    return scores.map { exponential($0 - scores.max()!) }
  }

  func value() -> Tensor {
    let x = qkv.array.map(Double.init)
    var y = [Float](repeating: 0, count: batch * tokens * width)
    forEachQuery { i, at, place in
      let powers = powers(x, i, at)
      for c in 0..<depth {
        let sum = (0..<tokens).reduce(0) { $0 + operand(powers[$1]) * x[at($1, 2) + c] }
        y[place + c] = nearest(Float(sum / powers.reduce(0, +)))
      }
    }
    return Tensor(y, [batch, tokens, width])
  }

  func gradient(_ dy: Tensor, of y: Tensor) -> Tensor {
    let (x, out, upstream) = (qkv.array.map(Double.init), y.array.map(Double.init), dy.array.map(Double.init))
    let rounded = upstream.map(operand)
    let scale = 1 / Double(depth).squareRoot()
    var dx = [Double](repeating: 0, count: x.count)
    forEachQuery { i, at, place in
      let powers = powers(x, i, at)
      let (sum, delta) = (powers.reduce(0, +), dot(upstream, place, out, place))
      for j in 0..<tokens {
        let p = powers[j] / sum
        let ds = operand(p * (dot(rounded, place, x, at(j, 2)) - delta))
        for c in 0..<depth {
          dx[at(i, 0) + c] += scale * ds * x[at(j, 1) + c]
          dx[at(j, 1) + c] += scale * ds * x[at(i, 0) + c]
          dx[at(j, 2) + c] += operand(p) * rounded[place + c]
        }
      }
    }
    return Tensor(dx.map(Float.init), qkv.shape)
  }
}

private func attentionKept(_ qkv: Variable, heads: Int) -> Variable {
  let attention = KeptAttention(qkv: qkv.value, heads: heads)
  let y = attention.value()
  return record(y, [qkv], AttentionKeptBackward(attention: attention, y: y))
}

private struct AttentionKeptBackward: BackwardRule {
  static let name = "attentionKept"
  let attention: KeptAttention
  let y: Tensor

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    inputs.give(0, attention.gradient(dy, of: y))
  }
}

/// Same value and gradients, but for a few numbers that another order of sums rounds to the neighbour.
private func expectEqual(
  _ inputs: [Tensor], tolerance: Double, _ fast: ([Variable]) -> Variable, _ oracle: ([Variable]) -> Variable,
  location: SourceLocation = #_sourceLocation
) {
  let a = GradientCheck.gradients(inputs: inputs, weights: fixedWeights, fast)
  let b = GradientCheck.gradients(inputs: inputs, weights: fixedWeights, oracle)
  let value = relativeError(a.value, b.value)
  #expect(value < tolerance, "value: \(value)", sourceLocation: location)
  for (index, (x, y)) in zip(a.gradients, b.gradients).enumerated() {
    let error = relativeError(x, y)
    #expect(error < tolerance, "gradient \(index): \(error)", sourceLocation: location)
  }
}

@Suite struct Bfloat16OperationTests {
  private let x = hashFilled("x", [400, 32], scale: 2)
  private let w = hashFilled("w", [48, 32])
  private let b = hashFilled("bias", [48])

  @Test func `a linear layer rounds the operands of its products and nothing else`() {
    expectEqual([x, w, b], tolerance: 2e-6) {
      linear($0[0], $0[1], $0[2], in: .bfloat16)
    } _: {
      roundedLinear($0[0], $0[1], $0[2])
    }
    // The test can tell: in float32 the result is another.
    let (rounded, plain) = (
      linear(Variable(x), Variable(w), Variable(b), in: .bfloat16),
      linear(Variable(x), Variable(w), Variable(b))
    )
    #expect(relativeError(rounded.value, plain.value) > 1e-4)
  }

  @Test func `a prelude is computed in float32 and rounded after it`() {
    expectEqual([x, w, b], tolerance: 2e-5) {
      linear($0[0], $0[1], $0[2], after: .gelu, in: .bfloat16)
    } _: {
      roundedLinear(gelu($0[0]), $0[1], $0[2])
    }
    let (gamma, beta) = (hashFilled("gamma", [32], scale: 0.3, offset: 1), hashFilled("beta", [32]))
    expectEqual([x, w, b, gamma, beta], tolerance: 2e-5) {
      linear(
        $0[0], $0[1], $0[2], after: .layerNorm(weight: $0[3], bias: $0[4], epsilon: 1e-6), in: .bfloat16)
    } _: {
      roundedLinear(layerNorm($0[0], $0[3], $0[4], epsilon: 1e-6), $0[1], $0[2])
    }
  }

  @Test func `what is kept in bfloat16 is the rounded result, and the next layer reads it`() {
    let result = linear(Variable(x), Variable(w), Variable(b), in: .bfloat16, keeping: .bfloat16).value
    #expect(result.precision == .bfloat16)
    #expect(
      result.array == nearest(linear(Variable(x), Variable(w), Variable(b), in: .bfloat16).value).array)
    let (second, bias) = (hashFilled("second", [32, 48]), hashFilled("second bias", [32]))
    for prelude in [Prelude.none, .gelu] {
      expectEqual([x, w, b, second, bias], tolerance: 2e-4) {
        let hidden = linear($0[0], $0[1], $0[2], in: .bfloat16, keeping: .bfloat16)
        return linear(hidden, $0[3], $0[4], after: prelude, addedTo: $0[0], in: .bfloat16)
      } _: {
        let hidden = kept(roundedLinear($0[0], $0[1], $0[2]))
        var activated = hidden
        if case .gelu = prelude { activated = gelu(hidden) }
        return add(roundedLinear(activated, $0[3], $0[4]), $0[0])
      }
    }
  }

  @Test func `few rows and widths that are no multiple of sixteen stay float32`() {
    let few = hashFilled("few", [40, 32])
    #expect(
      linear(Variable(few), Variable(w), Variable(b), in: .bfloat16, keeping: .bfloat16).value.array
        == linear(Variable(few), Variable(w), Variable(b)).value.array)
    let (odd, bias) = (hashFilled("odd", [20, 32]), hashFilled("odd bias", [20]))
    let result = linear(Variable(x), Variable(odd), Variable(bias), in: .bfloat16, keeping: .bfloat16).value
    #expect(result.precision == .float32)
    #expect(result.array == linear(Variable(x), Variable(odd), Variable(bias)).value.array)
  }

  @Test func `attention keeps its result in bfloat16 and rounds what its products multiply, where they can`()
  {
    let (weight, bias) = (hashFilled("qkv", [96, 32]), hashFilled("qkv bias", [96]))
    let x = hashFilled("tokens", [24, 17, 32], scale: 2)
    expectEqual([x, weight, bias], tolerance: 2e-4) {
      attention(linear($0[0], $0[1], $0[2], in: .bfloat16, keeping: .bfloat16), heads: 2)
    } _: {
      attentionKept(kept(roundedLinear($0[0], $0[1], $0[2])), heads: 2)
    }
  }

  @Test func `prototypes round the operands of their products and keep norms in float32`() {
    let (x, v) = (hashFilled("rows", [20, 32]), hashFilled("v", [64, 32]))
    let gain = hashFilled("g", [64, 1], scale: 0.2, offset: 1)
    let rounded = weightNormLinear(Variable(x), direction: Variable(v), gain: Variable(gain), in: .bfloat16)
    let lengths = (0..<64).map { row in
      v[rows: row..<row + 1].array.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let product = multiplied(nearest(x), nearest(v), transposeB: true).array
    let expected = product.enumerated().map {
      Float(Double($0.element) * Double(gain.array[$0.offset % 64]) / lengths[$0.offset % 64])
    }
    #expect(relativeError(rounded.value, Tensor(expected, [20, 64])) < 2e-6)
    // Gradients are those of float32 but for rounding of the operands.
    let gradients = [Precision.bfloat16, .float32].map { precision in
      GradientCheck.gradients(inputs: [x, v, gain], weights: fixedWeights) {
        weightNormLinear($0[0], direction: $0[1], gain: $0[2], in: precision)
      }.gradients
    }
    for (a, b) in zip(gradients[0], gradients[1]) {
      let error = relativeError(a, b)
      #expect(error > 1e-5 && error < 1e-2, "\(error)")
    }
  }
}
