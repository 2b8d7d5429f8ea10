import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// A convolution without bias over images whose channels lie together: x [B, H, W, C], weight [O, C, S, S] as PyTorch
/// has it -> [B, H', W', O] with H' = ⌊(H + 2·padding − S) / stride⌋ + 1.
///
/// With `moments`, mean and variance of each output channel are found on the way, while the outputs are in cache.
///
/// In bfloat16 the finished inputs, the weight and the gradient of the outputs are rounded on their way into the three
/// products; sums, and what is kept, are float32.
public func convolution(
  _ x: FeatureMap, _ weight: Variable, stride: Int = 1, padding: Int = 0, moments: Bool = false,
  in precision: Precision = .float32
) -> FeatureMap {
  let shape = weight.shape
  precondition(
    shape.rank == 4 && shape[2] == shape[3] && shape[1] == x.shape[3],
    "convolution: a weight of shape \(shape) over images \(x.shape)")
  let step = ConvolutionStep(
    map: x.saved, weight: weight.value,
    geometry: ConvolutionGeometry(
      x.shape, outputs: shape[0], side: shape[2], stride: stride, padding: padding),
    precision: precision)
  let (y, found) = profiled(ConvolutionBackward.name, step.geometry.work(products: 1)) {
    step.forward(moments: moments)
  }
  return FeatureMap(record(y, [weight] + x.inputs, ConvolutionBackward(step: step)), moments: found)
}

/// A convolution's operands, shared by its two directions.
struct ConvolutionStep {
  let map: SavedMap
  let weight: Tensor
  let geometry: ConvolutionGeometry
  let precision: Precision

  /// Whether inputs can be read where they stand.
  var readsInPlace: Bool {
    precision == .float32 && map.isPlain && geometry.side == 1 && geometry.padding == 0
  }

  /// Runs `body` with the inputs of a block of outputs, and where each output's begin.
  func withInputs(
    _ block: ImageBlock, _ body: (Operand, [Int32], _ step: Int) -> Void
  ) {
    if readsInPlace {
      // A window over the whole width, without copying.
      let g = geometry
      let window = Window(
        images: block.images, rows: 0..<g.height, columns: 0..<g.width, channels: g.channels)
      let first = map.x.pointer + block.images.lowerBound * g.height * g.width * g.channels
      withExtendedLifetime(map.x) { body(.float32(first), g.places(block, in: window), 0) }
    } else {
      let window = geometry.window(block)
      let inputs = WindowNumbers(window, of: map, in: precision)
      withExtendedLifetime(inputs) {
        body(inputs.operand, geometry.places(block, in: window), window.rowLength)
      }
    }
  }

  func forward(moments: Bool) -> (Tensor, moments: Tensor?) {
    let g = geometry
    let y = Tensor(uninitialized: g.outShape)
    let blocks = g.outBlocks
    let parts = moments ? Tensor(uninitialized: [blocks.count, 2, g.outputs]) : nil
    let all = em_taps(first: 0, step: 1, count: g.side)
    let packed = packedWeight(down: all, across: all, transposed: false)
    ThreadPool.shared.forEach(blocks.count) { index in
      let block = blocks[index]
      let to = y.pointer + block.firstPixel * g.outputs
      withInputs(block) { inputs, from, step in
        let places = (0..<block.pixels).map { Int32($0 * g.outputs) }
        inputs.convolve(
          from, taps: g.side, step: step, depth: g.side * g.channels, packed, columns: g.outputs, into: to,
          places)
      }
      if let parts { em_channel_moments(to, block.pixels, g.outputs, parts.pointer + index * 2 * g.outputs) }
    }
    withExtendedLifetime((packed, weight)) {}
    return (y, parts.map { combinedMoments($0, pixels: blocks.pixels) })
  }

  /// The weight in panels: outputs as columns, or for the inputs' gradient inputs as columns.
  func packedWeight(down: em_taps, across: em_taps, transposed: Bool) -> Tensor {
    let g = geometry
    let (columns, rows) = transposed ? (g.channels, g.outputs) : (g.outputs, g.channels)
    let isPaired = precision == .bfloat16 && hasBfloat16Instructions()
    let pieces = across.count * rows
    let depth = down.count * (isPaired ? pieces + pieces % 2 : pieces)
    let packed = Tensor(
      uninitialized: [(columns + 15) / 16 * 16, depth], as: isPaired ? .bfloat16 : .float32)
    let panels = Blocks((columns + 15) / 16, about: 1)
    ThreadPool.shared.forEach(panels.count) { index in
      let (first, count) = (panels[index].lowerBound * 16, panels[index].count * 16)
      if isPaired {
        em_pack_convolution_bfloat16(
          weight.pointer, g.outputs, g.channels, g.side, down, across, transposed ? 1 : 0, first, count,
          packed.bfloat16Pointer + first * depth)
      } else {
        let to = packed.pointer + first * depth
        em_pack_convolution(
          weight.pointer, g.outputs, g.channels, g.side, down, across, transposed ? 1 : 0, first, count, to)
        if precision == .bfloat16 { em_round_to_bfloat16(to, count * depth) }
      }
    }
    return packed
  }
}
