import CEmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// One head in double precision: outputs, row sums and all gradients.
private struct AttentionOracle {
  var out, dq, dk, dv: [Double]
  var logSums: [Double]

  /// Queries, keys and values side by side in rows of `stride`.
  init(_ qkv: [Float], stride: Int, dout: [Float], tokens: Int, depth: Int) {
    let columns = { (from: Int) in
      (0..<tokens).flatMap { t in (0..<depth).map { Double(qkv[t * stride + from + $0]) } }
    }
    self.init(
      q: columns(0), k: columns(depth), v: columns(2 * depth), dout: dout.map(Double.init), tokens: tokens,
      depth: depth)
  }

  init(q: [Double], k: [Double], v: [Double], dout: [Double], tokens: Int, depth: Int) {
    out = Array(repeating: 0, count: tokens * depth)
    (dq, dk, dv, logSums) = (out, out, out, Array(repeating: 0, count: tokens))
    let scale = 1 / Double(depth).squareRoot()
    for t in 0..<tokens {
      let scores = (0..<tokens).map { s in
        (0..<depth).reduce(0) { $0 + q[t * depth + $1] * k[s * depth + $1] } * scale
      }
      let top = scores.max()!
      let total = scores.reduce(0) { $0 + exp($1 - top) }
      logSums[t] = (top + log(total)) / log(2)
      let p = scores.map { exp($0 - top) / total }
      let dp = (0..<tokens).map { s in (0..<depth).reduce(0) { $0 + dout[t * depth + $1] * v[s * depth + $1] }
      }
      let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
      for s in 0..<tokens {
        let ds = p[s] * (dp[s] - mean) * scale
        for i in 0..<depth {
          out[t * depth + i] += p[s] * v[s * depth + i]
          dq[t * depth + i] += ds * k[s * depth + i]
          dk[s * depth + i] += ds * q[t * depth + i]
          dv[s * depth + i] += p[s] * dout[t * depth + i]
        }
      }
    }
  }
}

/// ‖a − b‖ / ‖b‖; absolute where b is small: the gradient by the only query and key is zero.
private func error(_ a: [Float], _ b: [Double]) -> Double {
  let size = b.reduce(0) { $0 + $1 * $1 }.squareRoot()
  return zip(a, b).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }.squareRoot()
    / max(size, 1)
}

/// What a form of the loops makes of one head whose queries, keys and values stand side by side in rows of `stride`.
private struct AttentionRun<Element> {
  typealias Forward = (
    UnsafePointer<Element>?, UnsafePointer<Element>?, UnsafePointer<Element>?, Int, Int, Int,
    UnsafeMutablePointer<Element>?, Int, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
  ) -> Void
  typealias Backward = (
    UnsafePointer<Element>?, UnsafePointer<Element>?, UnsafePointer<Element>?, Int, Int, Int,
    UnsafePointer<Element>?, Int, UnsafePointer<Float>?, Int, UnsafePointer<Float>?,
    UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, Int,
    UnsafeMutablePointer<Float>?
  ) -> Void

  var out: [Element]
  var logSums, dq, dk, dv: [Float]

  /// - Parameter empty: What the outputs hold before they are written.
  init(
    _ form: (forward: Forward, backward: Backward), _ qkv: [Element], stride: Int, dout: [Float], tokens: Int,
    depth: Int, empty: Element
  ) {
    var scratch = [Float](repeating: .nan, count: em_attention_scratch(tokens, depth))
    var out = [Element](repeating: empty, count: tokens * depth)
    var logSums = [Float](repeating: .nan, count: tokens)
    var gradient = [Float](repeating: .nan, count: tokens * stride)
    qkv.withUnsafeBufferPointer { x in
      let q = x.baseAddress!
      form.forward(q, q + depth, q + 2 * depth, stride, tokens, depth, &out, depth, &logSums, &scratch)
      for i in scratch.indices { scratch[i] = .nan }
      gradient.withUnsafeMutableBufferPointer { d in
        let dq = d.baseAddress!
        form.backward(
          q, q + depth, q + 2 * depth, stride, tokens, depth, out, depth, dout, depth, logSums, dq,
          dq + depth, dq + 2 * depth, stride, &scratch)
      }
    }
    let part = { (from: Int) in
      (0..<tokens).flatMap { t in gradient[t * stride + from..<t * stride + from + depth] }
    }
    (self.out, self.logSums) = (out, logSums)
    (dq, dk, dv) = (part(0), part(depth), part(2 * depth))
  }
}

@Suite struct AttentionLoops {
  static let depths = [8, 16, 20, 32, 64]

  @Test(arguments: depths)
  func `attention and its gradients follow the definition for every number of tokens`(depth: Int) {
    for tokens in Array(1...70) + [191, 192, 193, 197, 200] {
      let stride = 3 * depth + 5
      let qkv = hashFilled("qkv\(tokens)", [tokens, stride], scale: 2).array
      let dout = hashFilled("dout", [tokens, depth]).array
      let expected = AttentionOracle(qkv, stride: stride, dout: dout, tokens: tokens, depth: depth)

      for form in [
        (em_attention_narrow, em_attention_backward_narrow), (em_attention_wide, em_attention_backward_wide),
        (em_attention, em_attention_backward),
      ] {
        let run = AttentionRun(
          form, qkv, stride: stride, dout: dout, tokens: tokens, depth: depth, empty: .nan)
        #expect(error(run.out, expected.out) < 3e-6, "\(tokens) tokens")
        #expect(error(run.logSums, expected.logSums) < 3e-6, "\(tokens) tokens")
        #expect(error(run.dq, expected.dq) < 1e-5, "\(tokens) tokens")
        #expect(error(run.dk, expected.dk) < 1e-5, "\(tokens) tokens")
        #expect(error(run.dv, expected.dv) < 1e-5, "\(tokens) tokens")
      }
    }
  }

  /// Numbers of eight bits, so that rounding them to bfloat16 changes nothing.
  private static func short(_ name: String, _ shape: Shape, scale: Float = 1) -> [Float] {
    hashFilled(name, shape, scale: scale).array.map {
      Float(bitPattern: $0.bitPattern & 0xffff_0000)
    }
  }

  @Test(arguments: depths)
  func `attention of bfloat16 rows is that of the same numbers but for what it rounds`(depth: Int) {
    for tokens in Array(1...40) + [65, 100, 101, 197, 200] {
      let stride = 3 * depth + 4
      let qkv = Self.short("qkv\(tokens)", [tokens, stride], scale: 2)
      let rounded = qkv.map { UInt16($0.bitPattern >> 16) }
      let dout = Self.short("dout", [tokens, depth])
      let expected = AttentionOracle(qkv, stride: stride, dout: dout, tokens: tokens, depth: depth)
      var forms = [(em_attention_bfloat16_wide_plain, em_attention_backward_bfloat16_wide_plain)]
      if em_has_bfloat16_instructions() != 0 {
        forms.append((em_attention_bfloat16, em_attention_backward_bfloat16))
      }
      for form in forms {
        let run = AttentionRun(
          form, rounded, stride: stride, dout: dout, tokens: tokens, depth: depth, empty: 0x7fc0)
        // A rounded number is off by at most 1 / 256 of itself; the sums' errors are far smaller.
        #expect(error(run.logSums, expected.logSums) < 3e-6, "\(tokens) tokens")
        let wide = run.out.map { Float(bitPattern: UInt32($0) << 16) }
        #expect(error(wide, expected.out) < 4e-3, "\(tokens) tokens")
        #expect(error(run.dq, expected.dq) < 8e-3, "\(tokens) tokens")
        #expect(error(run.dk, expected.dk) < 8e-3, "\(tokens) tokens")
        #expect(error(run.dv, expected.dv) < 4e-3, "\(tokens) tokens")
      }
    }
  }

  @Test(arguments: depths)
  func `one query's attention equals the first row of attention`(depth: Int) {
    for tokens in [1, 2, 5, 16, 17, 37, 70, 197] {
      let (q, dout) = (hashFilled("q", [tokens, depth], scale: 2).array, hashFilled("dout", [depth]).array)
      let (k, v) = (hashFilled("k", [tokens, depth]).array, hashFilled("v", [tokens, depth]).array)
      let upstream = dout.map(Double.init) + Array(repeating: 0, count: (tokens - 1) * depth)
      let expected = AttentionOracle(
        q: q.map(Double.init), k: k.map(Double.init), v: v.map(Double.init), dout: upstream, tokens: tokens,
        depth: depth)
      var (p, out, scratch) = (
        [Float](repeating: .nan, count: tokens), dout, [Float](repeating: .nan, count: tokens)
      )
      var (dq, dk, dv) = (dout, k, v)
      em_class_attention(q, k, v, depth, tokens, depth, &p, &out)
      em_class_attention_backward(q, k, v, depth, tokens, depth, p, dout, &dq, &dk, &dv, &scratch)
      #expect(abs(p.reduce(0, +) - 1) < 1e-5)
      #expect(error(out, Array(expected.out[0..<depth])) < 3e-6, "\(tokens) tokens")
      #expect(error(dq, Array(expected.dq[0..<depth])) < 1e-5, "\(tokens) tokens")
      #expect(error(dk, expected.dk) < 1e-5 && error(dv, expected.dv) < 1e-5, "\(tokens) tokens")
    }
  }

  @Test func `scores far apart give no NaN`() {
    let (tokens, depth) = (20, 16)
    let x = hashFilled("x", [tokens, depth], scale: 100).array
    var scratch = [Float](repeating: 0, count: em_attention_scratch(tokens, depth))
    var (out, logSums) = (x, [Float](repeating: 0, count: tokens))
    em_attention(x, x, x, depth, tokens, depth, &out, depth, &logSums, &scratch)
    #expect(out.allSatisfy { $0.isFinite } && logSums.allSatisfy { $0.isFinite })
  }
}
