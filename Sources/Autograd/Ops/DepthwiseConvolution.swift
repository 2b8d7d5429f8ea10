import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// A convolution of each channel by itself, without bias: x [B, H, W, C], weight [C, 1, S, S] as PyTorch has it (groups =
/// C) -> [B, H', W', C]. Moments as in `convolution`.
public func depthwiseConvolution(
  _ x: FeatureMap, _ weight: Variable, stride: Int = 1, padding: Int = 0, moments: Bool = false
) -> FeatureMap {
  let shape = weight.shape
  precondition(
    shape.rank == 4 && shape[2] == shape[3] && shape[1] == 1 && shape[0] == x.shape[3],
    "depthwiseConvolution: a weight of shape \(shape) over images \(x.shape)")
  let step = DepthwiseStep(
    map: x.saved, weight: weight.value,
    geometry: ConvolutionGeometry(
      x.shape, outputs: shape[0], side: shape[2], stride: stride, padding: padding))
  let (y, found) = profiled(DepthwiseBackward.name, step.geometry.work(products: 1, isDepthwise: true)) {
    step.forward(moments: moments)
  }
  return FeatureMap(record(y, [weight] + x.inputs, DepthwiseBackward(step: step)), moments: found)
}

/// A depthwise convolution's operands, shared by its two directions.
struct DepthwiseStep {
  let map: SavedMap
  let weight: Tensor
  let geometry: ConvolutionGeometry

  /// The weight tap by tap: [taps, C], for the rows and columns of the kernel named.
  func taps(down: [Int], across: [Int]) -> Tensor {
    let (channels, side) = (geometry.channels, geometry.side)
    let taps = Tensor(uninitialized: [down.count * across.count, channels])
    for (y, row) in down.enumerated() {
      for (x, column) in across.enumerated() {
        let to = taps.pointer + (y * across.count + x) * channels
        let from = weight.pointer + row * side + column
        for c in 0..<channels { to[c] = from[c * side * side] }
      }
    }
    return taps
  }

  /// Runs `body` with a block's padded inputs, where each output's begin, and how far from there the taps are.
  func withInputs(_ block: ImageBlock, _ body: (UnsafePointer<Float>, [Int32], _ taps: [Int32]) -> Void) {
    let g = geometry
    let window = g.window(block)
    let inputs = Tensor(uninitialized: [window.count])
    window.fill(from: map, into: inputs.pointer)
    body(inputs.pointer, g.places(block, in: window), Self.tapPlaces(g.side, g.side, in: window))
    withExtendedLifetime(inputs) {}
  }

  static func tapPlaces(_ down: Int, _ across: Int, in window: Window) -> [Int32] {
    (0..<down * across).map { Int32($0 / across * window.rowLength + $0 % across * window.channels) }
  }

  func forward(moments: Bool) -> (Tensor, moments: Tensor?) {
    let g = geometry
    let y = Tensor(uninitialized: g.outShape)
    let blocks = g.outBlocks
    let parts = moments ? Tensor(uninitialized: [blocks.count, 2, g.channels]) : nil
    let all = Array(0..<g.side)
    let taps = taps(down: all, across: all)
    ThreadPool.shared.forEach(blocks.count) { index in
      let block = blocks[index]
      let to = y.pointer + block.firstPixel * g.channels
      let places = (0..<block.pixels).map { Int32($0 * g.channels) }
      withInputs(block) { inputs, from, tap in
        em_depthwise(inputs, from, tap, tap.count, taps.pointer, block.pixels, g.channels, to, places)
      }
      if let parts {
        em_channel_moments(to, block.pixels, g.channels, parts.pointer + index * 2 * g.channels)
      }
    }
    withExtendedLifetime((taps, weight)) {}
    return (y, parts.map { combinedMoments($0, pixels: blocks.pixels) })
  }
}

/// Passes a gradient back through a depthwise convolution and through what was pending on its input.
struct DepthwiseBackward: BackwardRule {
  static let name = "depthwise convolution"
  let step: DepthwiseStep

  func work(into inputs: InputGradients) -> Work {
    step.geometry.work(
      products: (inputs.wants(0) ? 1 : 0) + (inputs.wants(1) ? 1 : 0), isDepthwise: true)
  }

  /// Inputs are the weight, then the map's numbers, weight and bias.
  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    weightGradient(dy, &inputs)
    let (g, map) = (step.geometry, step.map)
    if inputs.wants(1) || (map.isNormalized && (inputs.wants(2) || inputs.wants(3))) {
      let upstream = SavedMap(x: dy, normalization: nil, activation: .none, isNormalized: false)
      let phases = InputPhases(g)
      let taps = phases.all.map { down in
        phases.all.map { across in step.taps(down: down.taps.places, across: across.taps.places) }
      }
      let (gradient, sums) = inputGradient(of: map, g, upstream: upstream, phases) {
        phase, inputs, window, to in
        let (down, across) = (phases.all[phase.y], phases.all[phase.x])
        let tap = DepthwiseStep.tapPlaces(down.taps.count, across.taps.count, in: window)
        guard case .float32(let inputs) = inputs else { preconditionFailure("depthwise: rounded numbers") }
        em_depthwise(
          inputs, phase.from, tap, tap.count, taps[phase.y][phase.x].pointer, phase.from.count, g.channels,
          to,
          phase.to)
      }
      withExtendedLifetime(taps) {}
      map.passBack(gradient, sums: sums, at: 1, weightAt: 2, into: &inputs)
    }
  }

  /// Groups of blocks sum their shares, [groups, S, S, C], and the groups' are added in order.
  private func weightGradient(_ dy: borrowing Tensor, _ inputs: inout InputGradients) {
    guard inputs.wants(0) else { return }
    let g = step.geometry
    let blocks = g.outBlocks
    let groups = Blocks(blocks.count, about: max(1, blocks.count / 8))
    let taps = g.side * g.side
    let shares = Tensor(uninitialized: [groups.count, taps * g.channels])
    let upstream = dy.pointer
    ThreadPool.shared.forEach(groups.count) { index in
      let group = groups[index]
      for place in group {
        let block = blocks[place]
        step.withInputs(block) { x, from, tap in
          em_depthwise_weight_gradient(
            upstream + block.firstPixel * g.channels, x, from, tap, taps, block.pixels, g.channels,
            shares.pointer + index * taps * g.channels, place == group.lowerBound ? 0 : 1)
        }
      }
    }
    inputs.add(0, step.weight.shape) { dw, beta in
      // As a convolution of one output channel, then channel by channel.
      for channel in 0..<g.channels {
        for tap in 0..<taps {
          var sum = beta == 0 ? 0 : dw[channel * taps + tap]
          for group in 0..<groups.count { sum += shares.pointer[(group * taps + tap) * g.channels + channel] }
          dw[channel * taps + tap] = sum
        }
      }
    }
    withExtendedLifetime(shares) {}
  }
}
