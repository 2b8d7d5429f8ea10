import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Attention of the class token alone: what the last block of a ViT needs when only that token is read.
///
/// queries: [B, D], keysValues: [B, T, 2D] -> [B, D] and the probabilities [B, H, T]. Equals row 0 of `attention`.
public func classAttention(
  _ queries: Variable, _ keysValues: Variable, heads: Int
) -> (attended: Variable, probabilities: Tensor) {
  let (batch, tokens, width) = (keysValues.shape[0], keysValues.shape[1], queries.shape[-1])
  precondition(
    keysValues.shape[2] == 2 * width && queries.shape.rows == batch && width % heads == 0,
    "classAttention: queries \(queries.shape), keys and values \(keysValues.shape), \(heads) heads")
  let y = Tensor(uninitialized: [batch, width])
  let probabilities = Tensor(uninitialized: [batch, heads, tokens])
  let (q, kv, depth) = (queries.value, keysValues.value, width / heads)
  profiled(
    ClassAttentionBackward.name, Work(products: 2 * batch, 1, width, tokens, numbers: kv.count + 2 * q.count)
  ) {
    ThreadPool.shared.forEach(batch) { sample in
      for head in 0..<heads {
        let k = kv.pointer + sample * tokens * 2 * width + head * depth
        em_class_attention(
          q.pointer + sample * width + head * depth, k, k + width, 2 * width, tokens, depth,
          probabilities.pointer + (sample * heads + head) * tokens, y.pointer + sample * width + head * depth)
      }
    }
  }
  let attended = record(
    y, [queries, keysValues],
    ClassAttentionBackward(queries: q, keysValues: kv, probabilities: probabilities, heads: heads))
  return (attended, probabilities)
}

/// The probabilities of row 0 of `attention`, which that operation computes and does not keep: how much the class token
/// attends to each token.
///
/// qkv: [B, T, 3D], bfloat16 or not -> [B, H, T] float32; the T of a head sum to 1.
public func classTokenAttention(_ qkv: Tensor, heads: Int) -> Tensor {
  let (batch, tokens, width) = (qkv.shape[0], qkv.shape[1], qkv.shape[2] / 3)
  precondition(
    qkv.shape.rank == 3 && qkv.shape[2] % (3 * heads) == 0,
    "classTokenAttention: \(qkv.shape) is not [B, T, 3D] with D a multiple of \(heads)")
  let (x, depth) = (qkv.float32(), width / heads)
  let probabilities = Tensor(uninitialized: [batch, heads, tokens])
  ThreadPool.shared.forEach(batch) { sample in
    let attended = Tensor(uninitialized: [depth])
    for head in 0..<heads {
      let q = x.pointer + sample * tokens * 3 * width + head * depth
      em_class_attention(
        q, q + width, q + 2 * width, 3 * width, tokens, depth,
        probabilities.pointer + (sample * heads + head) * tokens, attended.pointer)
    }
    withExtendedLifetime(attended) {}
  }
  withExtendedLifetime(x) {}
  return probabilities
}

struct ClassAttentionBackward: BackwardRule {
  static let name = "classAttention"
  let queries, keysValues, probabilities: Tensor
  let heads: Int

  func work(into inputs: InputGradients) -> Work {
    let (batch, tokens) = (keysValues.shape[0], keysValues.shape[1])
    return Work(
      products: 4 * batch, 1, queries.shape[-1], tokens, numbers: 2 * (keysValues.count + 2 * queries.count))
  }

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (q, kv, p, heads) = (queries, keysValues, probabilities, heads)
    let (batch, tokens, width) = (kv.shape[0], kv.shape[1], q.shape[-1])
    let depth = width / heads
    let (dq, dkv) = (Tensor(uninitialized: q.shape), Tensor(uninitialized: kv.shape))
    ThreadPool.shared.forEach(batch) { sample in
      let scratch = Tensor(uninitialized: [tokens])
      for head in 0..<heads {
        let at = sample * width + head * depth
        let offset = sample * tokens * 2 * width + head * depth
        let (k, dk) = (kv.pointer + offset, dkv.pointer + offset)
        em_class_attention_backward(
          q.pointer + at, k, k + width, 2 * width, tokens, depth,
          p.pointer + (sample * heads + head) * tokens,
          dy.pointer + at, dq.pointer + at, dk, dk + width, scratch.pointer)
      }
      withExtendedLifetime(scratch) {}
    }
    inputs.give(0, dq)
    inputs.give(1, dkv)
  }
}

/// How much the class token attends to each token, as something to learn by: the softmax of its products with their keys
/// over √d.
///
/// queries: [B, D] (the class token's), keys: [B, T, D] -> [B, H, T]; the T of a head sum to 1.
public func classShares(_ queries: Variable, _ keys: Variable, heads: Int) -> Variable {
  let (batch, tokens, width) = (keys.shape[0], keys.shape[1], queries.shape[-1])
  precondition(
    keys.shape[2] == width && queries.shape.rows == batch && width % heads == 0,
    "classShares: queries \(queries.shape), keys \(keys.shape), \(heads) heads")
  let shares = Tensor(uninitialized: [batch, heads, tokens])
  let (q, k, depth) = (queries.value, keys.value, width / heads)
  profiled(ClassSharesBackward.name, Work(products: batch, 1, width, tokens, numbers: k.count + q.count)) {
    ThreadPool.shared.forEach(batch) { sample in
      let unread = Tensor(uninitialized: [depth])
      for head in 0..<heads {
        let own = k.pointer + sample * tokens * width + head * depth
        em_class_attention(
          q.pointer + sample * width + head * depth, own, own, width, tokens, depth,
          shares.pointer + (sample * heads + head) * tokens, unread.pointer)
      }
      withExtendedLifetime(unread) {}
    }
  }
  return record(
    shares, [queries, keys], ClassSharesBackward(queries: q, keys: k, shares: shares, heads: heads))
}

struct ClassSharesBackward: BackwardRule {
  static let name = "classShares"
  let queries, keys, shares: Tensor
  let heads: Int

  func work(into inputs: InputGradients) -> Work {
    Work(
      products: 2 * keys.shape[0], 1, queries.shape[-1], keys.shape[1],
      numbers: 2 * (keys.count + queries.count))
  }

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (q, k, p, heads) = (queries, keys, shares, heads)
    let (batch, tokens, width) = (k.shape[0], k.shape[1], q.shape[-1])
    let depth = width / heads
    let (dq, dk) = (Tensor(uninitialized: q.shape), Tensor(uninitialized: k.shape))
    ThreadPool.shared.forEach(batch) { sample in
      for head in 0..<heads {
        let (at, offset) = (sample * width + head * depth, sample * tokens * width + head * depth)
        let row = (sample * heads + head) * tokens
        em_class_shares_backward(
          q.pointer + at, k.pointer + offset, width, tokens, depth, p.pointer + row, dy.pointer + row,
          dq.pointer + at, dk.pointer + offset)
      }
    }
    inputs.give(0, dq)
    inputs.give(1, dk)
  }
}

/// Rows `range` of the first axis, sharing memory forward: [R, ...] -> [range.count, ...].
public func sliced(_ x: Variable, rows range: Range<Int>) -> Variable {
  record(x.value[rows: range], [x], SlicedBackward(shape: x.shape, range: range))
}

struct SlicedBackward: BackwardRule {
  static let name = "sliced"
  let shape: Shape
  let range: Range<Int>

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (shape, range) = (shape, range)
    inputs.add(0, shape) { dx, beta in
      if beta == 0 { dx.update(repeating: 0, count: shape.count) }
      em_add(dx + range.lowerBound * (shape.count / shape[0]), dy.pointer, 1, dy.count)
    }
  }
}
