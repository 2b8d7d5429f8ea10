import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1) with the scale 1/√(D/H).
///
/// qkv: [B, T, 3D], queries, keys and values of all heads side by side as timm's `qkv` gives them
/// -> [B, T, D]. Probabilities are recomputed in the backward pass from one number a row.
public func attention(_ qkv: Variable, heads: Int) -> Variable {
  let shape = qkv.shape
  precondition(
    shape.rank == 3 && shape[2] % (3 * heads) == 0,
    "attention: \(shape) is not [B, T, 3D] with D a multiple of \(heads)")
  let sizes = AttentionSizes(batch: shape[0], tokens: shape[1], width: shape[2] / 3, heads: heads)
  let y = Tensor(uninitialized: [sizes.batch, sizes.tokens, sizes.width])
  let logSums = Tensor(uninitialized: [sizes.batch, heads, sizes.tokens])
  let x = qkv.value
  profiled(AttentionBackward.name, sizes.work(products: 2, numbers: 4)) {
    sizes.forEachHead { base, out, row, scratch in
      em_attention(
        x.pointer + base, x.pointer + base + sizes.width, x.pointer + base + 2 * sizes.width, 3 * sizes.width,
        sizes.tokens, sizes.depth, y.pointer + out, sizes.width, logSums.pointer + row, scratch)
    }
  }
  return record(y, [qkv], AttentionBackward(qkv: x, y: y, logSums: logSums, sizes: sizes))
}

struct AttentionSizes {
  let batch, tokens, width, heads: Int
  var depth: Int { width / heads }

  /// The work of so many products for each head, and of so many numbers read or written a token and channel.
  func work(products: Int, numbers: Int) -> Work {
    Work(products: products * batch * heads, tokens, depth, tokens, numbers: numbers * batch * tokens * width)
  }

  /// Calls `body` for each sample and head with the offsets of its queries, its outputs and its row sums.
  func forEachHead(_ body: (_ base: Int, _ out: Int, _ row: Int, UnsafeMutablePointer<Float>) -> Void) {
    let scratchCount = em_attention_scratch(tokens, depth)
    // A sample's heads lie side by side in a row and make one block where there are samples enough, but for the last
    // ones, so that threads finish together; a few small heads always do, so that a block is worth handing out.
    let whole = batch >= 8 ? batch * 3 / 4 : 0
    let rest = Blocks((batch - whole) * heads, about: max(1, 128 / max(tokens, 1)))
    ThreadPool.shared.forEach(whole + rest.count) { index in
      let units =
        index < whole ? index * heads..<(index + 1) * heads : rest[index - whole].shifted(by: whole * heads)
      let scratch = Tensor(uninitialized: [scratchCount])
      for unit in units {
        let (sample, head) = (unit / heads, unit % heads)
        body(
          sample * tokens * 3 * width + head * depth, sample * tokens * width + head * depth, unit * tokens,
          scratch.pointer)
      }
      withExtendedLifetime(scratch) {}
    }
  }
}

struct AttentionBackward: BackwardRule {
  static let name = "attention"
  let qkv, y, logSums: Tensor
  let sizes: AttentionSizes

  // Probabilities once more, then the gradients by values, probabilities, queries and keys.
  func work(into inputs: InputGradients) -> Work { sizes.work(products: 5, numbers: 8) }

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let width = sizes.width
    let dx = Tensor(uninitialized: qkv.shape)
    let (x, out, sums, upstream) = (qkv.pointer, y.pointer, logSums.pointer, dy.pointer)
    sizes.forEachHead { base, at, row, scratch in
      let d = dx.pointer + base
      em_attention_backward(
        x + base, x + base + width, x + base + 2 * width, 3 * width, sizes.tokens, sizes.depth, out + at,
        upstream + at, width, sums + row, d, d + width, d + 2 * width, 3 * width, scratch)
    }
    withExtendedLifetime((dy, qkv, y, logSums)) {}
    inputs.give(0, dx)
  }
}
