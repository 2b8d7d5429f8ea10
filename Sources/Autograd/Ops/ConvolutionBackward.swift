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
      let (gradient, sums) = inputGradient(of: map, g, upstream: upstream, phases) {
        phase, outputs, window, to in
        em_convolve(
          outputs, phase.from, phases.all[phase.y].taps.count, window.rowLength,
          phases.all[phase.x].taps.count * g.outputs, packed[phase.y][phase.x].pointer, phase.from.count,
          g.channels,
          to, phase.to)
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
      let scratch = Tensor(uninitialized: [em_weight_gradient_scratch()])
      for place in link == 0 ? 0..<last : last..<group.count {
        let block = blocks[group.lowerBound + place]
        step.withInputs(block) { x, from, rowLength in
          em_convolution_weight_gradient(
            upstream + block.firstPixel * g.outputs, x, from, block.pixels, g.outputs, g.side, rowLength,
            g.side * g.channels, shares.pointer + index * size, place == 0 ? 0 : 1, scratch.pointer)
        }
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
