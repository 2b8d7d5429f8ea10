import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Each channel of each image times its gate: x [B, H, W, C], gates [B, C] -> [B, H, W, C] (squeeze and excitation, Hu et
/// al. 2018, arXiv:1709.01507, eq. 4).
public func gatedChannels(_ x: Variable, by gates: Variable) -> Variable {
  let (images, pixels, channels) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
  precondition(gates.shape.count == images * channels, "gatedChannels: \(x.shape) by \(gates.shape)")
  let y = Tensor(uninitialized: x.shape)
  let (input, factors) = (x.value, gates.value)
  let none = Tensor(repeating: 0, [channels])
  ThreadPool.shared.forEach(images) { image in
    let at = image * pixels * channels
    em_normalize_channels(
      input.pointer + at, pixels, channels, factors.pointer + image * channels, none.pointer, nil, nil, nil,
      Int32(EM_IDENTITY), y.pointer + at)
  }
  return record(y, [x, gates], GatedChannelsBackward(x: input, gates: factors, gatesShape: gates.shape))
}

struct GatedChannelsBackward: BackwardRule {
  static let name = "gated channels"
  let x, gates: Tensor
  let gatesShape: Shape

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (x, gates) = (x, gates)
    let (images, pixels, channels) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
    let upstream = dy.pointer
    let constants = Tensor(repeating: 0, [channels])
    let ones = Tensor(repeating: 1, [channels])
    inputs.add(1, gatesShape) { sums, beta in
      ThreadPool.shared.forEach(images) { image in
        let found = Tensor(uninitialized: [2, channels])
        em_channel_gradient_sums(
          upstream + image * pixels * channels, x.pointer + image * pixels * channels, pixels, channels,
          constants.pointer, ones.pointer, found.pointer)
        accumulate(found.pointer + channels, channels, sums + image * channels, beta)
        withExtendedLifetime(found) {}
      }
    }
    if inputs.wants(0) {
      ThreadPool.shared.forEach(images) { image in
        let at = upstream + image * pixels * channels
        em_normalize_channels(
          at, pixels, channels, gates.pointer + image * channels, constants.pointer, nil, nil, nil,
          Int32(EM_IDENTITY), at)
      }
      inputs.give(0, dy)
    }
    withExtendedLifetime((x, gates, constants, ones)) {}
  }
}

/// x + b, b for each place of the last axis: x [..., C], b [C] -> [..., C].
public func addedBias(_ x: Variable, _ bias: Variable) -> Variable {
  let (rows, width) = (x.shape.rows, x.shape[-1])
  precondition(bias.shape.count == width, "addedBias: \(x.shape) and \(bias.shape)")
  let y = Tensor(uninitialized: x.shape)
  let (input, shift) = (x.value, bias.value)
  let ones = Tensor(repeating: 1, [width])
  let blocks = Blocks(rows, about: 256)
  ThreadPool.shared.forEach(blocks.count) { index in
    let at = blocks[index].lowerBound * width
    em_normalize_channels(
      input.pointer + at, blocks[index].count, width, ones.pointer, shift.pointer, nil, nil, nil,
      Int32(EM_IDENTITY), y.pointer + at)
  }
  return record(y, [x, bias], AddedBiasBackward(rows: rows, biasShape: bias.shape))
}

struct AddedBiasBackward: BackwardRule {
  static let name = "added bias"
  let rows: Int
  let biasShape: Shape

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (blocks, width) = (Blocks(rows, about: 256), biasShape.count)
    let parts = Tensor(uninitialized: [blocks.count, width])
    let upstream = dy.pointer
    ThreadPool.shared.forEach(blocks.count) { index in
      em_column_sums(
        upstream + blocks[index].lowerBound * width, blocks[index].count, width, width,
        parts.pointer + index * width, 0)
    }
    inputs.add(1, biasShape) {
      em_column_sums(parts.pointer, blocks.count, width, width, $0, $1 == 0 ? 0 : 1)
    }
    withExtendedLifetime(parts) {}
    inputs.give(0, dy)
  }
}
