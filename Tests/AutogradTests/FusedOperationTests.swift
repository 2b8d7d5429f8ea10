import EmanateAutograd
import EmanateTensors
import TestSupport
import Testing

/// Multiplies each sample of [B, ...] by a constant: what stochastic depth does to a branch when nothing is skipped.
private func masked(_ x: Variable, _ factors: [Float]) -> Variable {
  record(scaled(x.value, factors), [x], MaskedBackward(factors: factors))
}

private func scaled(_ x: Tensor, _ factors: [Float]) -> Tensor {
  let row = x.count / factors.count
  return Tensor(x.array.enumerated().map { $0.element * factors[$0.offset / row] }, x.shape)
}

private struct MaskedBackward: BackwardRule {
  static let name = "masked"
  let factors: [Float]
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    inputs.give(0, scaled(dy, factors))
  }
}

/// Same value and gradients, up to rounding.
private func expectEqual(
  _ inputs: [Tensor], tolerance: Double = 5e-6, _ fused: ([Variable]) -> Variable,
  _ composed: ([Variable]) -> Variable,
  location: SourceLocation = #_sourceLocation
) {
  let a = GradientCheck.gradients(inputs: inputs, weights: fixedWeights, fused)
  let b = GradientCheck.gradients(inputs: inputs, weights: fixedWeights, composed)
  #expect(relativeError(a.value, b.value) < tolerance, sourceLocation: location)
  for (index, (x, y)) in zip(a.gradients, b.gradients).enumerated() {
    #expect(relativeError(x, y) < tolerance, "gradient \(index)", sourceLocation: location)
  }
}

@Suite struct FusedOperationTests {
  static let rows = [4, 120, 384, 1000]
  private let w = hashFilled("w", [20, 12])
  private let b = hashFilled("bias", [20])
  private let gamma = hashFilled("gamma", [12], scale: 0.3, offset: 1)
  private let beta = hashFilled("beta", [12])

  @Test(arguments: rows)
  func `linear after layer normalisation equals the two in turn`(rows: Int) {
    expectEqual([hashFilled("x", [rows, 12]), w, b, gamma, beta]) {
      linear($0[0], $0[1], $0[2], after: .layerNorm(weight: $0[3], bias: $0[4], epsilon: 1e-6))
    } _: {
      linear(layerNorm($0[0], $0[3], $0[4], epsilon: 1e-6), $0[1], $0[2])
    }
  }

  @Test(arguments: rows)
  func `linear after GELU added to a residual equals the three in turn`(rows: Int) {
    expectEqual([hashFilled("x", [rows, 12], scale: 2), w, b, hashFilled("residual", [rows, 20])]) {
      linear($0[0], $0[1], $0[2], after: .gelu, addedTo: $0[3])
    } _: {
      add(linear(gelu($0[0]), $0[1], $0[2]), $0[3])
    }
  }

  @Test(arguments: [(6, 3), (50, 5), (200, 4)])
  func `a residual branch of kept samples equals a mask over the full branch`(samples: Int, tokens: Int) {
    let kept = (0..<samples).filter { $0 % 4 != 2 }
    let factors = (0..<samples).map { kept.contains($0) ? Float(1 / 0.75) : 0 }
    let choice = KeptSamples(samples: kept, tokens: tokens, scale: 1 / 0.75)
    let (w2, b2) = (hashFilled("w2", [12, 20]), hashFilled("b2", [12]))
    expectEqual([hashFilled("x", [samples, tokens, 12]), w, b, gamma, beta, w2, b2]) { v in
      let norm = Prelude.layerNorm(weight: v[3], bias: v[4], epsilon: 1e-6)
      return linear(
        linear(v[0], v[1], v[2], after: norm, of: choice), v[5], v[6], after: .gelu, addedTo: v[0], of: choice
      )
    } _: { v in
      let hidden = linear(layerNorm(v[0], v[3], v[4], epsilon: 1e-6), v[1], v[2])
      return add(masked(linear(gelu(hidden), v[5], v[6]), factors), v[0])
    }
  }

  @Test(arguments: [2, 5, 37])
  func `class attention equals the first row of attention`(tokens: Int) {
    let (samples, width) = (3, 24)
    let inputs = [hashFilled("q", [samples, 1, width]), hashFilled("kv", [samples, tokens, 2 * width])]
    expectEqual(inputs) {
      classAttention($0[0].reshaped([samples, width]), $0[1], heads: 3).attended
    } _: {
      // Only the first query counts; the others are zero.
      classTokens(attention(joined($0[0], $0[1]), heads: 3))
    }
  }

  /// Queries of the first token and all keys and values as `attention` reads them, [B, T, 3D].
  private func joined(_ q: Variable, _ kv: Variable) -> Variable {
    let (samples, tokens, width) = (kv.shape[0], kv.shape[1], q.shape[2])
    let value = Tensor(repeating: 0, [samples, tokens, 3 * width])
    for s in 0..<samples {
      for t in 0..<tokens {
        for i in 0..<3 * width {
          if i >= width {
            value.pointer[(s * tokens + t) * 3 * width + i] =
              kv.value.array[(s * tokens + t) * 2 * width + i - width]
          } else if t == 0 {
            value.pointer[s * tokens * 3 * width + i] = q.value.array[s * width + i]
          }
        }
      }
    }
    return record(value, [q, kv], JoinedBackward(samples: samples, tokens: tokens, width: width))
  }

  @Test(arguments: [3, 500])
  func `weight norm equals a linear layer with normalised rows`(outputs: Int) {
    let gain = Tensor(repeating: 1, [outputs, 1])
    let inputs = [hashFilled("x", [7, 10]), hashFilled("v", [outputs, 10])]
    let none = Variable(Tensor(repeating: 0, [outputs]))
    expectEqual(inputs) {
      weightNormLinear($0[0], direction: $0[1], gain: Variable(gain))
    } _: {
      linear($0[0], normalized($0[1]), none)
    }
  }
}

private struct JoinedBackward: BackwardRule {
  static let name = "joined"
  let samples, tokens, width: Int
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let all = dy.array
    let at = { (s: Int, t: Int) in (s * tokens + t) * 3 * width }
    inputs.give(
      0, Tensor((0..<samples).flatMap { s in all[at(s, 0)..<at(s, 0) + width] }, [samples, 1, width]))
    let rows = (0..<samples).flatMap { s in
      (0..<tokens).flatMap { t in all[at(s, t) + width..<at(s, t) + 3 * width] }
    }
    inputs.give(1, Tensor(rows, [samples, tokens, 2 * width]))
  }
}
