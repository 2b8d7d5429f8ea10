import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// A map with everything that was pending done, and optionally added to another before the activation:
/// f(x + y), [B, H, W, C].
public func materialized(
  _ x: FeatureMap, plus y: FeatureMap? = nil, _ activation: ChannelActivation = .none
) -> Variable {
  if y == nil, x.isPlain, case .none = activation { return x.raw }
  let map = y == nil ? x.activatedUnlessNone(activation) : x
  if let y {
    precondition(y.shape == x.shape, "materialized: \(x.shape) plus \(y.shape)")
    precondition(
      !x.saved.hasActivation && !y.saved.hasActivation,
      "materialized: an activation is pending before the sum")
  }
  let (first, second) = (map.saved, y?.saved)
  let final = y == nil ? first.activation : activation
  let out = Tensor(uninitialized: x.shape)
  let channels = x.shape[3]
  let blocks = Blocks(x.shape.rows, about: 256)
  profiled(SumBackward.name, Work(numbers: (y == nil ? 2 : 3) * out.count)) {
    ThreadPool.shared.forEach(blocks.count) { index in
      let range = blocks[index]
      let at = range.lowerBound * channels
      em_normalize_channels(
        first.x.pointer + at, range.count, channels, first.normalization?.scale, first.normalization?.shift,
        second.map { UnsafePointer($0.x.pointer + at) }, second?.normalization?.scale,
        second?.normalization?.shift, final.code, out.pointer + at)
    }
  }
  return record(
    out, map.inputs + (y?.inputs ?? []),
    SumBackward(first: first, second: second, activation: final, out: final.isKnownByOutput ? out : nil))
}

extension ChannelActivation {
  /// Whether the derivative follows from the result alone.
  var isKnownByOutput: Bool { if case .hardSwish = self { false } else { true } }
}

extension FeatureMap {
  func activatedUnlessNone(_ activation: ChannelActivation) -> FeatureMap {
    if case .none = activation { self } else { activated(activation) }
  }
}

/// Passes a gradient back through normalisation, sum and activation.
struct SumBackward: BackwardRule {
  static let name = "normalisation and sum"
  let first: SavedMap
  let second: SavedMap?
  let activation: ChannelActivation
  let out: Tensor?

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (first, second, out, channels) = (first, second, out, first.channels)
    precondition(
      out != nil || second == nil,
      "materialized: the derivative of this activation needs the sum, which is not kept")
    let g = dy
    let blocks = Blocks(first.x.shape.rows, about: 256)
    let sums = [first, second].map { map in
      map?.isNormalized == true ? Tensor(uninitialized: [blocks.count, 2, channels]) : nil
    }
    ThreadPool.shared.forEach(blocks.count) { index in
      let range = blocks[index]
      let part = g.pointer + range.lowerBound * channels
      if let out {
        em_normalize_channels_backward(
          part, first.x.pointer + range.lowerBound * channels, out.pointer + range.lowerBound * channels,
          range.count, channels, nil, nil, activation.code)
      } else {
        first.throughActivation(part, range.lowerBound, range.count)
      }
      for (map, sums) in zip([first, second], sums) {
        guard let map, let sums else { continue }
        map.sums(part, range.lowerBound, range.count, into: sums.pointer + index * 2 * channels)
      }
    }
    // A normalised map's rule only reads the gradient; what stands as it is takes it over, and it comes last.
    let place = first.isNormalized ? 3 : 1
    if let second, second.isNormalized {
      second.passBack(g, sums: sums[1], at: place, weightAt: place + 1, into: &inputs)
      first.passBack(consume g, sums: sums[0], at: 0, weightAt: 1, into: &inputs)
    } else {
      first.passBack(
        first.isNormalized || second == nil ? g : g.copied(), sums: sums[0], at: 0, weightAt: 1, into: &inputs
      )
      if second != nil { inputs.give(place, consume g) }
    }
  }
}

/// The greatest number of each window of `side` x `side` places: x [B, H, W, C] -> [B, H', W', C]; what is beyond the
/// borders does not count.
public func maxPool(_ x: FeatureMap, side: Int, stride: Int, padding: Int) -> Variable {
  precondition(padding < side && side * side < 256, "maxPool: side \(side), padding \(padding)")
  let map = x.saved
  let g = ConvolutionGeometry(x.shape, outputs: x.shape[3], side: side, stride: stride, padding: padding)
  let y = Tensor(uninitialized: g.outShape)
  // One byte a number: which of the window's places it came from.
  let places = Tensor(uninitialized: [(y.count + 3) / 4])
  let blocks = g.outBlocks
  profiled(MaxPoolBackward.name, Work(numbers: map.x.count + y.count)) {
    ThreadPool.shared.forEach(blocks.count) { index in
      let block = blocks[index]
      let window = g.window(block)
      let inputs = Tensor(uninitialized: [window.count])
      window.fill(from: map, into: inputs.pointer, beyond: -.infinity)
      let tap = DepthwiseStep.tapPlaces(side, side, in: window)
      em_max_pool(
        inputs.pointer, g.places(block, in: window), tap, tap.count, block.pixels, g.channels,
        y.pointer + block.firstPixel * g.channels,
        MaxPoolBackward.bytes(places) + block.firstPixel * g.channels)
      withExtendedLifetime(inputs) {}
    }
  }
  return record(y, x.inputs, MaxPoolBackward(map: map, geometry: g, places: places))
}

/// Passes a gradient back to where the greatest numbers came from.
struct MaxPoolBackward: BackwardRule {
  static let name = "max pool"
  let map: SavedMap
  let geometry: ConvolutionGeometry
  let places: Tensor

  static func bytes(_ places: Tensor) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(places.pointer).assumingMemoryBound(to: UInt8.self)
  }

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (g, map, places) = (geometry, map, places)
    let result = Tensor(uninitialized: map.x.shape)
    let perImage = g.height * g.width
    let sums = map.isNormalized ? Tensor(uninitialized: [g.images, 2, g.channels]) : nil
    let (upstream, bytes) = (dy.pointer, Self.bytes(places))
    // Windows overlap, so an image is one thread's.
    ThreadPool.shared.forEach(g.images) { image in
      let block = ImageBlock(
        images: image..<image + 1, rows: 0..<g.outHeight, firstPixel: image * g.outHeight * g.outWidth,
        pixels: g.outHeight * g.outWidth)
      let window = g.window(block)
      let padded = Tensor(uninitialized: [window.count])
      padded.pointer.update(repeating: 0, count: window.count)
      let tap = DepthwiseStep.tapPlaces(g.side, g.side, in: window)
      em_max_pool_backward(
        upstream + block.firstPixel * g.channels, bytes + block.firstPixel * g.channels,
        g.places(block, in: window), tap, tap.count, block.pixels, g.channels, padded.pointer)
      let to = result.pointer + image * perImage * g.channels
      // Rows and columns that no window reaches have no gradient.
      let columns = min(g.width, window.columns.upperBound)
      for y in 0..<g.height {
        let row = to + y * g.width * g.channels
        if y < window.rows.upperBound {
          row.update(from: padded.pointer + window.place(image, y, 0), count: columns * g.channels)
          (row + columns * g.channels).update(repeating: 0, count: (g.width - columns) * g.channels)
        } else {
          row.update(repeating: 0, count: g.width * g.channels)
        }
      }
      if map.hasActivation { map.throughActivation(to, image * perImage, perImage) }
      if let sums { map.sums(to, image * perImage, perImage, into: sums.pointer + image * 2 * g.channels) }
      withExtendedLifetime(padded) {}
    }
    withExtendedLifetime((dy, places)) {}
    map.passBack(result, sums: sums, at: 0, weightAt: 1, into: &inputs)
  }
}

/// The mean over all places: x [B, H, W, C] -> [B, C].
public func globalAverage(_ x: Variable) -> Variable {
  let (images, pixels, channels) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
  let y = Tensor(uninitialized: [images, channels])
  let input = x.value
  ThreadPool.shared.forEach(images) { image in
    let to = y.pointer + image * channels
    em_column_sums(input.pointer + image * pixels * channels, pixels, channels, channels, to, 0)
    em_scale(to, 1 / Float(pixels), channels)
  }
  return record(y, [x], GlobalAverageBackward(shape: x.shape))
}

struct GlobalAverageBackward: BackwardRule {
  static let name = "global average"
  let shape: Shape

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (images, pixels, channels) = (shape[0], shape[1] * shape[2], shape[3])
    let dx = Tensor(uninitialized: shape)
    let upstream = dy.pointer
    ThreadPool.shared.forEach(images) { image in
      let first = dx.pointer + image * pixels * channels
      first.update(from: upstream + image * channels, count: channels)
      em_scale(first, 1 / Float(pixels), channels)
      for pixel in 1..<max(1, pixels) { (first + pixel * channels).update(from: first, count: channels) }
    }
    withExtendedLifetime(dy) {}
    inputs.give(0, dx)
  }
}
