import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// A bias-free linear layer with weight normalisation per output (Salimans and Kingma 2016, arXiv:1602.07868,
/// eq. 2): y = x (g v / ‖v‖)ᵀ.  x: [N, I], direction v: [K, I], gain g: [K, 1] -> [N, K].
///
/// Normalised weights are never stored: their norms scale the columns of x vᵀ. In bfloat16 the products' operands are
/// rounded; logits and norms are float32.
public func weightNormLinear(
  _ x: Variable, direction: Variable, gain: Variable, in precision: Precision = .float32
) -> Variable {
  let (rows, width, outputs) = (x.shape[0], x.shape[1], direction.shape[0])
  precondition(
    direction.shape[1] == width && gain.shape.count == outputs,
    "weightNormLinear: input \(x.shape), direction \(direction.shape), gain \(gain.shape)")
  let y = Tensor(uninitialized: [rows, outputs])
  let factors = Tensor(uninitialized: [outputs])
  let (input, v, g) = (x.value, direction.value, gain.value)
  let isRounded = precision == .bfloat16 && fitsBfloat16(width, outputs)
  let rounded = isRounded ? Tensor(uninitialized: x.shape, as: .bfloat16) : nil
  let operand = Operand(input.pointer, count: input.count, rounded: rounded)
  let blocks = Blocks(outputs, about: outputs >= 4096 ? 256 : 128)
  profiled(
    WeightNormLinearBackward.name,
    Work(products: 1, rows, width, outputs, numbers: input.count + v.count + y.count)
  ) {
    ThreadPool.shared.forEach(blocks.count) { index in
      let (first, count) = (blocks[index].lowerBound, blocks[index].count)
      let multiply = BlockMultiplication(
        Matrix(v.pointer + first * width, stride: width, transposed: true), depth: width, columns: count,
        in: isRounded ? .bfloat16 : .float32)
      let logits = Tensor(uninitialized: [rows, count])
      multiply(operand, rows: rows, into: logits.pointer)
      em_weight_norm_factors(
        v.pointer + first * width, g.pointer + first, count, width, factors.pointer + first)
      em_scale_columns(
        logits.pointer, count, rows, count, factors.pointer + first, y.pointer + first, outputs)
      withExtendedLifetime(logits) {}
    }
  }
  withExtendedLifetime(rounded) {}
  return record(
    y, [x, direction, gain],
    WeightNormLinearBackward(x: input, direction: v, gain: g, factors: factors, isRounded: isRounded))
}

struct WeightNormLinearBackward: BackwardRule {
  static let name = "weightNormLinear"
  let x, direction, gain, factors: Tensor
  let isRounded: Bool

  func work(into inputs: InputGradients) -> Work {
    let products = 1 + (inputs.wants(1) ? 1 : 0)
    return Work(
      products: products, x.shape[0], x.shape[1], direction.shape[0],
      numbers: products * (x.count + direction.count + x.shape[0] * direction.shape[0]))
  }

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (x, direction, gain, factors, isRounded) = (x, direction, gain, factors, isRounded)
    let (rows, width, outputs) = (x.shape[0], x.shape[1], direction.shape[0])
    // A group's blocks sum one input gradient; the groups are added in order.
    let groups = Blocks(outputs, about: outputs >= 4096 ? 1024 : 128)
    let parts = Tensor(uninitialized: [groups.count, rows, width])
    let wantsGain = inputs.wants(2)
    let gainSums = Tensor(repeating: 0, [wantsGain ? outputs : 1])
    let upstream = dy.pointer
    let rounded = isRounded ? Tensor(uninitialized: x.shape, as: .bfloat16) : nil
    let operand = Operand(x.pointer, count: x.count, rounded: rounded)
    func pass(_ index: Int, into dv: UnsafeMutablePointer<Float>?, beta: Float) {
      let group = groups[index]
      let blocks = Blocks(group.count, about: 256)
      let scratch = weightGradientScratch()
      for block in 0..<blocks.count {
        let (first, count) = (group.lowerBound + blocks[block].lowerBound, blocks[block].count)
        let scaled = Tensor(uninitialized: [rows, count])
        em_scale_columns(
          upstream + first, outputs, rows, count, factors.pointer + first, scaled.pointer, count)
        let v = direction.pointer + first * width
        let roundedGradient = isRounded ? Tensor(uninitialized: [rows, count], as: .bfloat16) : nil
        let gradient = Operand(scaled.pointer, count: rows * count, rounded: roundedGradient)
        let multiply = BlockMultiplication(
          Matrix(v, stride: width), depth: count, columns: width, in: isRounded ? .bfloat16 : .float32)
        multiply(
          gradient, rows: rows, into: parts.pointer + index * rows * width, beta: block == 0 ? 0 : 1)
        guard let dv else { continue }
        let to = dv + first * width
        let previous = beta == 0 ? nil : Tensor(uninitialized: [count, width])
        if let previous { previous.pointer.update(from: to, count: count * width) }
        weightGradient(
          gradient, operand, rows: rows, outputs: count, inputs: width, into: to, beta: 0, scratch: scratch)
        em_weight_norm_backward(
          to, v, gain.pointer + first, count, width, wantsGain ? gainSums.pointer + first : nil,
          previous?.pointer)
        withExtendedLifetime((scaled, previous, roundedGradient)) {}
      }
      withExtendedLifetime(scratch) {}
    }
    if inputs.wants(1) {
      inputs.add(1, direction.shape) { dv, beta in
        ThreadPool.shared.forEach(groups.count) { pass($0, into: dv, beta: beta) }
      }
    } else {
      precondition(!wantsGain, "weightNormLinear: a gain is trained together with its direction")
      ThreadPool.shared.forEach(groups.count) { pass($0, into: nil, beta: 0) }
    }
    inputs.add(0, x.shape) { dx, beta in
      let columns = Blocks(rows * width, about: 2048)
      ThreadPool.shared.forEach(columns.count) { index in
        let part = columns[index]
        em_column_sums(
          parts.pointer + part.lowerBound, groups.count, part.count, rows * width, dx + part.lowerBound,
          beta == 0 ? 0 : 1)
      }
    }
    inputs.add(2, gain.shape) { dg, beta in
      em_column_sums(gainSums.pointer, 1, outputs, outputs, dg, beta == 0 ? 0 : 1)
    }
    withExtendedLifetime((dy, parts, gainSums, rounded)) {}
  }
}
