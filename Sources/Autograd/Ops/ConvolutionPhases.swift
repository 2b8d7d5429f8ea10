import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// The rows or columns of a kernel that reach one phase of the inputs, last first: inputs with the same remainder by the
/// stride meet the same ones.
struct KernelPhase {
  /// The output under the first of the taps, for the phase's first input.
  let output: Int
  let taps: em_taps

  init(_ remainder: Int, side: Int, stride: Int, padding: Int) {
    let lowest = (remainder + padding) % stride
    let count = lowest < side ? (side - lowest + stride - 1) / stride : 0
    taps = em_taps(first: lowest + stride * (count - 1), step: -stride, count: count)
    output = (remainder + padding - lowest) / stride - (count - 1)
  }
}

extension em_taps {
  /// Which rows or columns of the kernel.
  var places: [Int] { (0..<count).map { first + $0 * step } }
}

/// A convolution's phases, the same for rows and columns.
struct InputPhases {
  let all: [KernelPhase]

  init(_ g: ConvolutionGeometry) {
    all = (0..<g.stride).map { KernelPhase($0, side: g.side, stride: g.stride, padding: g.padding) }
  }
}

/// The inputs of one phase in a block: where each one's outputs begin, and where it lies in the block.
struct BlockPhase {
  let y, x: Int
  let from, to: [Int32]

  init(
    _ y: Int, _ x: Int, of block: ImageBlock, _ g: ConvolutionGeometry, _ window: Window,
    _ phases: InputPhases
  ) {
    (self.y, self.x) = (y, x)
    var (from, to): ([Int32], [Int32]) = ([], [])
    let first = block.rows.lowerBound
    for image in block.images {
      for row in stride(
        from: first + (y - first % g.stride + g.stride) % g.stride, to: block.rows.upperBound, by: g.stride)
      {
        let start = window.place(image, phases.all[y].output + row / g.stride, phases.all[x].output)
        let line = (image - block.images.lowerBound) * block.rows.count + row - first
        for column in stride(from: x, to: g.width, by: g.stride) {
          from.append(Int32(start + column / g.stride * window.channels))
          to.append(Int32((line * g.width + column) * g.channels))
        }
      }
    }
    (self.from, self.to) = (from, to)
  }
}

/// The gradient of a convolution's normalised input, [B, H, W, C], and the sums that a normalisation needs, [blocks, 2, C].
///
/// It is a convolution of the output's gradient with the kernel turned round; with a stride, one for each remainder of
/// rows and columns. `convolve` does one, given padded gradients of outputs and where the block's inputs lie.
func inputGradient(
  of map: SavedMap, _ g: ConvolutionGeometry, upstream: SavedMap, in precision: Precision = .float32,
  _ phases: InputPhases, _ convolve: (BlockPhase, Operand, Window, UnsafeMutablePointer<Float>) -> Void
) -> (Tensor, sums: Tensor?) {
  let result = Tensor(uninitialized: map.x.shape)
  let blocks = g.inBlocks
  let sums = map.isNormalized ? Tensor(uninitialized: [blocks.count, 2, g.channels]) : nil
  // Which outputs some rows (or columns) of inputs have a share in, those beyond the borders included.
  func outputs(under inputs: Range<Int>) -> Range<Int> {
    func floor(_ x: Int) -> Int { x >= 0 ? x / g.stride : -((-x + g.stride - 1) / g.stride) }
    return floor(inputs.lowerBound + g.padding - (g.side - 1))..<floor(inputs.upperBound - 1 + g.padding) + 1
  }
  ThreadPool.shared.forEach(blocks.count) { index in
    let block = blocks[index]
    let to = result.pointer + block.firstPixel * g.channels
    let window = Window(
      images: block.images, rows: outputs(under: block.rows), columns: outputs(under: 0..<g.width),
      channels: g.outputs)
    let padded = WindowNumbers(window, of: upstream, in: precision)
    for y in phases.all.indices {
      for x in phases.all.indices {
        let phase = BlockPhase(y, x, of: block, g, window, phases)
        if phases.all[y].taps.count * phases.all[x].taps.count > 0 {
          convolve(phase, padded.operand, window, to)
        } else {
          for place in phase.to { (to + Int(place)).update(repeating: 0, count: g.channels) }
        }
      }
    }
    if map.hasActivation { map.throughActivation(to, block.firstPixel, block.pixels) }
    if let sums {
      map.sums(to, block.firstPixel, block.pixels, into: sums.pointer + index * 2 * g.channels)
    }
    withExtendedLifetime(padded) {}
  }
  return (result, sums)
}
