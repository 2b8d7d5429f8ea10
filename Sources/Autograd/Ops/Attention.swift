import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1) with the scale 1/√(D/H).
///
/// qkv: [B, T, 3D], queries, keys and values of all heads side by side as timm's `qkv` gives them
/// -> [B, T, D], bfloat16 if qkv is. Probabilities are recomputed in the backward pass from one number a row.
public func attention(_ qkv: Variable, heads: Int) -> Variable {
  let shape = qkv.shape
  precondition(
    shape.rank == 3 && shape[2] % (3 * heads) == 0,
    "attention: \(shape) is not [B, T, 3D] with D a multiple of \(heads)")
  let sizes = AttentionSizes(batch: shape[0], tokens: shape[1], width: shape[2] / 3, heads: heads)
  let y = Tensor(uninitialized: [sizes.batch, sizes.tokens, sizes.width], as: qkv.value.precision)
  let logSums = Tensor(uninitialized: [sizes.batch, heads, sizes.tokens])
  let x = qkv.value
  profiled(AttentionBackward.name, sizes.work(products: 2, numbers: 4)) {
    sizes.forEachHead { head in
      if head.isRounded(x) { return head.roundedForward(x, into: y, logSums) }
      let (q, k, v) = head.operands(x)
      let out = head.output(y)
      em_attention(
        q.base, k.base, v.base, q.stride, sizes.tokens, sizes.depth, out.base, out.stride,
        logSums.pointer + head.row, head.scratch)
      head.store(out, into: y)
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

  /// Calls `body` for each sample and head.
  func forEachHead(_ body: (AttentionHead) -> Void) {
    let scratchCount = em_attention_scratch(tokens, depth)
    // A sample's heads lie side by side in a row and make one block where there are samples enough, but for the last
    // ones, so that threads finish together; a few small heads always do, so that a block is worth handing out.
    let whole = batch >= 8 ? batch * 3 / 4 : 0
    let rest = Blocks((batch - whole) * heads, about: max(1, 128 / max(tokens, 1)))
    ThreadPool.shared.forEach(whole + rest.count) { index in
      let units =
        index < whole ? index * heads..<(index + 1) * heads : rest[index - whole].shifted(by: whole * heads)
      let scratch = Tensor(uninitialized: [scratchCount + 4 * tokens * depth])
      for unit in units {
        let (sample, head) = (unit / heads, unit % heads)
        body(
          AttentionHead(
            sizes: self, base: sample * tokens * 3 * width + head * depth,
            out: sample * tokens * width + head * depth, row: unit * tokens, scratch: scratch.pointer,
            rows: scratch.pointer + scratchCount))
      }
      withExtendedLifetime(scratch) {}
    }
  }
}

/// One head of one sample: where its numbers stand, and memory for them where they are not float32.
struct AttentionHead {
  /// Rows of a head's numbers, `stride` apart.
  typealias Rows = (base: UnsafeMutablePointer<Float>, stride: Int)

  let sizes: AttentionSizes
  /// The offsets of the head's first query, output and row sum.
  let base, out, row: Int
  /// What the kernel works in, and four times [tokens, depth] behind it.
  let scratch, rows: UnsafeMutablePointer<Float>

  /// Queries, keys and values in qkv, [B, T, 3D]; widened if they are bfloat16.
  func operands(_ qkv: Tensor) -> (q: Rows, k: Rows, v: Rows) {
    let width = sizes.width
    return (
      wide(qkv, base, 3 * width, place: 0), wide(qkv, base + width, 3 * width, place: 1),
      wide(qkv, base + 2 * width, 3 * width, place: 2)
    )
  }

  /// The outputs that `y`, [B, T, D], holds.
  func outputs(_ y: Tensor) -> Rows { wide(y, out, sizes.width, place: 3) }

  /// Where outputs are to be written: into `y`, or beside it if that is bfloat16.
  func output(_ y: Tensor) -> Rows {
    y.precision == .float32
      ? (y.pointer + out, sizes.width) : (rows + 3 * sizes.tokens * sizes.depth, sizes.depth)
  }

  /// Rounds what was written beside `y` into it.
  func store(_ written: Rows, into y: Tensor) {
    if y.precision == .float32 { return }
    for token in 0..<sizes.tokens {
      em_to_bfloat16(
        written.base + token * written.stride, sizes.depth, y.bfloat16Pointer + out + token * sizes.width)
    }
  }

  /// Whether the products multiply bfloat16 numbers as they are.
  func isRounded(_ qkv: Tensor) -> Bool {
    qkv.precision == .bfloat16 && sizes.depth.isMultiple(of: 2) && hasBfloat16Instructions()
  }

  /// The forward pass where `isRounded`.
  func roundedForward(_ qkv: Tensor, into y: Tensor, _ logSums: Tensor) {
    let (q, width) = (qkv.bfloat16Pointer + base, sizes.width)
    em_attention_bfloat16(
      q, q + width, q + 2 * width, 3 * width, sizes.tokens, sizes.depth, y.bfloat16Pointer + out, width,
      logSums.pointer + row, scratch)
  }

  /// The backward pass where `isRounded`: `d` is where the gradient by the head's first query goes.
  func roundedBackward(
    _ qkv: Tensor, _ y: Tensor, _ logSums: Tensor, _ dy: UnsafePointer<Float>,
    into d: UnsafeMutablePointer<Float>
  ) {
    let (q, width) = (qkv.bfloat16Pointer + base, sizes.width)
    em_attention_backward_bfloat16(
      q, q + width, q + 2 * width, 3 * width, sizes.tokens, sizes.depth, y.bfloat16Pointer + out, width,
      dy + out, width, logSums.pointer + row, d, d + width, d + 2 * width, 3 * width, scratch)
  }

  private func wide(_ x: Tensor, _ offset: Int, _ stride: Int, place: Int) -> Rows {
    if x.precision == .float32 { return (x.pointer + offset, stride) }
    let to = rows + place * sizes.tokens * sizes.depth
    for token in 0..<sizes.tokens {
      em_from_bfloat16(
        x.bfloat16Pointer + offset + token * stride, sizes.depth, to + token * sizes.depth)
    }
    return (to, sizes.depth)
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
    sizes.forEachHead { head in
      let d = dx.pointer + head.base
      if head.isRounded(qkv) { return head.roundedBackward(qkv, y, logSums, dy.pointer, into: d) }
      let (q, k, v) = head.operands(qkv)
      let out = head.outputs(y)
      em_attention_backward(
        q.base, k.base, v.base, q.stride, sizes.tokens, sizes.depth, out.base, out.stride,
        dy.pointer + head.out, width,
        logSums.pointer + head.row, d, d + width, d + 2 * width, 3 * width, head.scratch)
    }
    withExtendedLifetime((dy, qkv, y, logSums)) {}
    inputs.give(0, dx)
  }
}
