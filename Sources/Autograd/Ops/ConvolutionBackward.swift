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

  /// Groups of blocks sum their shares, [groups, O, S, S, C], and the groups' are added in order. Where there are few
  /// groups the outputs are shared out too.
  private func weightGradient(_ dy: borrowing Tensor, _ inputs: inout InputGradients) {
    guard inputs.wants(0) else { return }
    let (g, precision) = (step.geometry, step.precision)
    // Pairs of rows are half as many steps, which the second cache still holds.
    let blocks = precision == .bfloat16 ? g.outBlocks(pixels: 1024) : g.outBlocks
    let groups = Blocks(blocks.count, about: max(1, blocks.count / 8))
    let parts = Blocks(g.outputs, about: max(64, g.outputs * groups.count / 4))
    let piece = g.side * g.side * g.channels
    let shares = Tensor(uninitialized: [groups.count, g.outputs * piece])
    let upstream = dy.pointer
    ThreadPool.shared.forEach(groups.count * parts.count, links: 2) { index, link in
      let (group, outputs) = (groups[index / parts.count], parts[index % parts.count])
      let to = shares.pointer + (index / parts.count * g.outputs + outputs.lowerBound) * piece
      let last = max(1, group.count - 1)
      let scratch = Tensor(uninitialized: [em_convolution_weight_gradient_scratch()])
      for place in link == 0 ? 0..<last : last..<group.count {
        let block = blocks[group.lowerBound + place]
        let dy = WindowNumbers(
          upstream + block.firstPixel * g.outputs, count: block.pixels * g.outputs, in: precision)
        step.withInputs(block) { x, from, rowLength in
          convolutionWeightGradient(
            dy.operand, of: outputs, stride: g.outputs, x, from, taps: g.side, step: rowLength,
            depth: g.side * g.channels, into: to, beta: place == 0 ? 0 : 1, scratch: scratch)
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

/// dw = beta dw + the sum over rows of dy's columns `outputs`, `stride` in a row, times what the row's pieces of x hold
/// (`em_convolution_weight_gradient`), on the calling thread; beta is 0 or 1, both operands of one kind.
private func convolutionWeightGradient(
  _ dy: Operand, of outputs: Range<Int>, stride: Int, _ x: Operand, _ from: [Int32], taps: Int, step: Int,
  depth: Int, into dw: UnsafeMutablePointer<Float>, beta: Float, scratch: Tensor
) {
  let (first, accumulates): (Int, Int32) = (outputs.lowerBound, beta == 0 ? 0 : 1)
  switch (dy, x) {
  case (.float32(let dy), .float32(let x)):
    em_convolution_weight_gradient(
      dy + first, x, from, from.count, outputs.count, stride, taps, step, depth, dw, accumulates,
      scratch.pointer)
  case (.bfloat16(let dy), .bfloat16(let x)):
    em_convolution_weight_gradient_bfloat16(
      dy + first, x, from, from.count, outputs.count, stride, taps, step, depth, dw, accumulates,
      scratch.pointer)
  default:
    preconditionFailure("convolutionWeightGradient: operands of two kinds")
  }
}
