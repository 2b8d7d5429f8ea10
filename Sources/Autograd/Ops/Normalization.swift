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
