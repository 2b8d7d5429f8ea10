import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Passes a gradient back through a convolution and through what was pending on its input.
struct ConvolutionBackward: BackwardRule {
  static let name = "convolution"
  let step: ConvolutionStep

  func work(into inputs: InputGradients) -> Work {
    step.geometry.work(products: (inputs.wants(0) ? 1 : 0) + (inputs.wants(1) ? 1 : 0))
  }

  /// Inputs are the weight, then the map's numbers, weight and bias.
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    weightGradient(dy, &inputs)
    let (g, map) = (step.geometry, step.map)
    if inputs.wants(1) || (map.isNormalized && (inputs.wants(2) || inputs.wants(3))) {
      let upstream = SavedMap(x: dy, normalization: nil, activation: .none, isNormalized: false)
      let phases = InputPhases(g)
      let packed = phases.all.map { down in
        phases.all.map { across in
          step.packedWeight(down: down.taps, across: across.taps, transposed: true)
        }
      }
      let (gradient, sums) = inputGradient(of: map, g, upstream: upstream, in: step.precision, phases) {
        phase, outputs, window, to in
        outputs.convolve(
          phase.from, taps: phases.all[phase.y].taps.count, step: window.rowLength,
          depth: phases.all[phase.x].taps.count * g.outputs, packed[phase.y][phase.x], columns: g.channels,
          into: to, phase.to)
      }
      withExtendedLifetime(packed) {}
      map.passBack(gradient, sums: sums, at: 1, weightAt: 2, into: &inputs)
    }
  }

  /// Groups of blocks sum their shares, [groups, O, S, S, C], and the groups' are added in order.
  private func weightGradient(_ dy: borrowing Tensor, _ inputs: inout InputGradients) {
    guard inputs.wants(0) else { return }
    let g = step.geometry
    let blocks = g.outBlocks
    let groups = Blocks(blocks.count, about: max(1, blocks.count / 8))
    let size = g.outputs * g.side * g.side * g.channels
    let shares = Tensor(uninitialized: [groups.count, size])
    let upstream = dy.pointer
    ThreadPool.shared.forEach(groups.count, links: 2) { index, link in
      let group = groups[index]
      let last = max(1, group.count - 1)
      let scratch = weightGradientScratch()
      for place in link == 0 ? 0..<last : last..<group.count {
        let block = blocks[group.lowerBound + place]
        let dy = WindowNumbers(
          upstream + block.firstPixel * g.outputs, count: block.pixels * g.outputs, in: step.precision)
        step.withInputs(block) { x, from, rowLength in
          convolutionWeightGradient(
            dy.operand, x, from, outputs: g.outputs, taps: g.side, step: rowLength, depth: g.side * g.channels,
            into: shares.pointer + index * size, beta: place == 0 ? 0 : 1, scratch: scratch)
        }
        withExtendedLifetime(dy) {}
      }
      withExtendedLifetime(scratch) {}
    }
    inputs.add(0, step.weight.shape) { dw, beta in
      let outputs = Blocks(g.outputs, about: 4)
      ThreadPool.shared.forEach(outputs.count) { index in
        let some = outputs[index]
        em_unpack_convolution_gradient(
          shares.pointer, groups.count, g.channels, g.side, dw, beta == 0 ? 0 : 1, g.outputs, some.lowerBound,
          some.upperBound)
      }
    }
    withExtendedLifetime(shares) {}
  }
}

/// dw = beta dw + the sum over rows of dy times what the row's pieces of x hold (`em_convolution_weight_gradient`), on the
/// calling thread; beta is 0 or 1, both operands of one kind.
private func convolutionWeightGradient(
  _ dy: Operand, _ x: Operand, _ from: [Int32], outputs: Int, taps: Int, step: Int, depth: Int,
  into dw: UnsafeMutablePointer<Float>, beta: Float, scratch: Tensor
) {
  let accumulates: Int32 = beta == 0 ? 0 : 1
  switch (dy, x) {
  case (.float32(let dy), .float32(let x)):
    em_convolution_weight_gradient(
      dy, x, from, from.count, outputs, taps, step, depth, dw, accumulates, scratch.pointer)
  case (.bfloat16(let dy), .bfloat16(let x)):
    scratch.pointer.withMemoryRebound(to: UInt16.self, capacity: 2 * scratch.count) {
      em_convolution_weight_gradient_bfloat16(
        dy, x, from, from.count, outputs, taps, step, depth, dw, accumulates, $0)
    }
  default:
    preconditionFailure("convolutionWeightGradient: operands of two kinds")
  }
}
