import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450):
/// x [..., D], weight, bias [D] -> [..., D].
public func layerNorm(_ x: Variable, _ weight: Variable, _ bias: Variable, epsilon: Float) -> Variable {
  let (rows, width) = (x.shape.rows, x.shape[-1])
  let y = Tensor(uninitialized: x.shape)
  let statistics = Tensor(uninitialized: [2, rows])
  let (input, gamma, beta) = (x.value, weight.value, bias.value)
  let blocks = Blocks(rows, about: 64)
  ThreadPool.shared.forEach(blocks.count) { index in
    let range = blocks[index]
    em_layer_norm(
      input.pointer, nil, range.lowerBound, range.count, width, gamma.pointer, beta.pointer, epsilon,
      y.pointer + range.lowerBound * width, statistics.pointer, statistics.pointer + rows)
  }
  return record(y, [x, weight, bias], LayerNormBackward(x: input, weight: gamma, statistics: statistics))
}

struct LayerNormBackward: BackwardRule {
  static let name = "layerNorm"
  let x, weight, statistics: Tensor

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (x, weight, statistics) = (x, weight, statistics)
    let (rows, width) = (x.shape.rows, x.shape[-1])
    let blocks = Blocks(rows, about: 64)
    let sums = Tensor(uninitialized: [blocks.count, 2, width])
    let dx = Tensor(uninitialized: x.shape)
    ThreadPool.shared.forEach(blocks.count) { index in
      let range = blocks[index]
      let part = sums.pointer + index * 2 * width
      em_layer_norm_backward(
        dy.pointer + range.lowerBound * width, x.pointer, nil, range.lowerBound, range.count, width,
        weight.pointer,
        statistics.pointer, statistics.pointer + rows, dx.pointer, 0, part, part + width, 0)
    }
    inputs.give(0, dx)
    inputs.add(1, [width]) {
      em_column_sums(sums.pointer, blocks.count, width, 2 * width, $0, $1 == 0 ? 0 : 1)
    }
    inputs.add(2, [width]) {
      em_column_sums(sums.pointer + width, blocks.count, width, 2 * width, $0, $1 == 0 ? 0 : 1)
    }
    withExtendedLifetime(sums) {}
  }
}

/// Rows of length 1: x / max(‖x‖, ε), [..., D] -> [..., D], as PyTorch's `normalize`.
public func normalized(_ x: Variable, epsilon: Float = 1e-12) -> Variable {
  let (rows, width) = (x.shape.rows, x.shape[-1])
  let y = Tensor(uninitialized: x.shape)
  let norms = Tensor(uninitialized: [rows])
  em_l2_normalize(x.value.pointer, rows, width, epsilon, y.pointer, norms.pointer)
  return record(y, [x], NormalizedBackward(y: y, norms: norms, epsilon: epsilon))
}

struct NormalizedBackward: BackwardRule {
  static let name = "normalized"
  let y, norms: Tensor
  let epsilon: Float

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let dx = Tensor(uninitialized: y.shape)
    em_l2_normalize_backward(
      dy.pointer, y.pointer, norms.pointer, epsilon, y.shape.rows, y.shape[-1], dx.pointer)
    withExtendedLifetime((dy, y, norms)) {}
    inputs.give(0, dx)
  }
}

/// A bias-free linear layer with weight normalisation per output (Salimans and Kingma 2016, arXiv:1602.07868,
/// eq. 2): y = x (g v / ‖v‖)ᵀ.  x: [N, I], direction v: [K, I], gain g: [K, 1] -> [N, K].
///
/// Normalised weights are never stored: their norms scale the columns of x vᵀ.
public func weightNormLinear(_ x: Variable, direction: Variable, gain: Variable) -> Variable {
  let (rows, width, outputs) = (x.shape[0], x.shape[1], direction.shape[0])
  precondition(
    direction.shape[1] == width && gain.shape.count == outputs,
    "weightNormLinear: input \(x.shape), direction \(direction.shape), gain \(gain.shape)")
  let y = Tensor(uninitialized: [rows, outputs])
  let factors = Tensor(uninitialized: [outputs])
  let (input, v, g) = (x.value, direction.value, gain.value)
  let blocks = prototypeBlocks(outputs)
  ThreadPool.shared.forEach(blocks.count) { index in
    let block = blocks[index]
    let (first, count) = (block.lowerBound, block.count)
    em_weight_norm_factors(
      v.pointer + first * width, g.pointer + first, count, width, factors.pointer + first)
    blockProduct(
      Matrix(input.pointer, stride: width),
      Matrix(v.pointer + first * width, stride: width, transposed: true),
      rows: rows, columns: count, depth: width, into: y.pointer + first, stride: outputs)
    em_scale_columns(y.pointer, rows, outputs, first, count, factors.pointer)
  }
  return record(
    y, [x, direction, gain], WeightNormLinearBackward(x: input, direction: v, gain: g, factors: factors))
}

/// Prototypes in blocks of about 1,024.
private func prototypeBlocks(_ outputs: Int) -> Blocks {
  Blocks(outputs, about: outputs >= 4096 ? 1024 : 128)
}

struct WeightNormLinearBackward: BackwardRule {
  static let name = "weightNormLinear"
  let x, direction, gain, factors: Tensor

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (x, direction, gain, factors) = (x, direction, gain, factors)
    let (rows, width, outputs) = (x.shape[0], x.shape[1], direction.shape[0])
    let blocks = prototypeBlocks(outputs)
    // One partial input gradient a block, added in block order.
    let parts = Tensor(uninitialized: [blocks.count, rows, width])
    let wantsGain = inputs.wants(2)
    let gainSums = Tensor(repeating: 0, [wantsGain ? outputs : 1])
    let upstream = dy.pointer
    func pass(_ index: Int, into dv: UnsafeMutablePointer<Float>?, beta: Float) {
      let block = blocks[index]
      let (first, count) = (block.lowerBound, block.count)
      em_scale_columns(upstream, rows, outputs, first, count, factors.pointer)
      blockProduct(
        Matrix(upstream + first, stride: outputs), Matrix(direction.pointer + first * width, stride: width),
        rows: rows, columns: width, depth: count, into: parts.pointer + index * rows * width, stride: width)
      guard let dv else { return }
      let to = dv + first * width
      let previous = beta == 0 ? nil : Tensor(uninitialized: [count, width])
      if let previous { previous.pointer.update(from: to, count: count * width) }
      blockProduct(
        Matrix(upstream + first, stride: outputs, transposed: true), Matrix(x.pointer, stride: width),
        rows: count,
        columns: width, depth: rows, into: to, stride: width)
      em_weight_norm_backward(
        to, direction.pointer + first * width, gain.pointer + first, count, width,
        wantsGain ? gainSums.pointer + first : nil, previous?.pointer)
      withExtendedLifetime(previous) {}
    }
    if inputs.wants(1) {
      inputs.add(1, direction.shape) { dv, beta in
        ThreadPool.shared.forEach(blocks.count) { pass($0, into: dv, beta: beta) }
      }
    } else {
      precondition(!wantsGain, "weightNormLinear: a gain is trained together with its direction")
      ThreadPool.shared.forEach(blocks.count) { pass($0, into: nil, beta: 0) }
    }
    inputs.add(0, x.shape) { dx, beta in
      em_column_sums(parts.pointer, blocks.count, rows * width, rows * width, dx, beta == 0 ? 0 : 1)
    }
    inputs.add(2, gain.shape) { dg, beta in
      em_column_sums(gainSums.pointer, 1, outputs, outputs, dg, beta == 0 ? 0 : 1)
    }
    withExtendedLifetime((dy, parts, gainSums)) {}
  }
}
