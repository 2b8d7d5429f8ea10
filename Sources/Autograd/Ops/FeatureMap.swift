import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// What follows a normalisation, element by element.
public enum ChannelActivation: Sendable {
  /// Nothing.
  case none
  /// max(x, 0).
  case relu
  /// min(max(x, 0), 6) (MobileNetV2).
  case relu6
  /// x · min(max(x + 3, 0), 6) / 6 (MobileNetV3, Howard et al. 2019, arXiv:1905.02244, section 5.2).
  case hardSwish
  /// min(max(x + 3, 0), 6) / 6, the gate of that.
  case hardSigmoid

  var code: Int32 {
    switch self {
    case .none: Int32(EM_IDENTITY)
    case .relu: Int32(EM_RELU)
    case .relu6: Int32(EM_RELU6)
    case .hardSwish: Int32(EM_HARD_SWISH)
    case .hardSigmoid: Int32(EM_HARD_SIGMOID)
    }
  }
}

/// Images inside a network, [B, H, W, C], whose normalisation and activation may still be pending: whoever reads them
/// applies both on the way in, so that a normalised map is never stored.
///
/// The counterpart of `Prelude` in linear layers.
public struct FeatureMap {
  /// The numbers as an operation left them.
  public let raw: Variable
  /// Mean and variance of each channel of `raw` over images and places, [2, C], if its maker was asked for them.
  public let moments: Tensor?
  let normalization: ChannelNormalization?
  let activation: ChannelActivation

  /// A map as it stands.
  public init(_ raw: Variable, moments: Tensor? = nil) {
    precondition(
      raw.shape.rank == 4, "FeatureMap: shape \(raw.shape); images, height, width, channels are wanted")
    (self.raw, self.moments, normalization, activation) = (raw, moments, nil, .none)
  }

  private init(_ raw: Variable, _ normalization: ChannelNormalization?, _ activation: ChannelActivation) {
    (self.raw, moments, self.normalization, self.activation) = (raw, nil, normalization, activation)
  }

  /// Images, height, width, channels.
  public var shape: Shape { raw.shape }

  /// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1) on top, pending:
  /// (x − mean) / √(variance + ε) · weight + bias, channel by channel.
  ///
  /// - Parameters:
  ///   - statistics: Mean and variance, [2, C]: the batch's own (`moments`), or those of a running average.
  ///   - isOwn: Whether the statistics are those of the numbers themselves; gradients then flow through them.
  public func normalized(
    statistics: Tensor, isOwn: Bool, weight: Variable, bias: Variable, epsilon: Float
  ) -> FeatureMap {
    precondition(normalization == nil, "FeatureMap.normalized: a normalisation is pending already")
    let channels = shape[3]
    precondition(
      statistics.count == 2 * channels && weight.shape.count == channels && bias.shape.count == channels,
      "FeatureMap.normalized: statistics \(statistics.shape), weight \(weight.shape) for \(channels) channels"
    )
    return FeatureMap(
      raw, ChannelNormalization(statistics, isOwn, weight, bias, epsilon, count: raw.shape.rows), activation)
  }

  /// The same map with its moments, found in a pass over the numbers.
  public func measured() -> FeatureMap {
    precondition(isPlain, "FeatureMap.measured: something is pending")
    let (channels, rows) = (shape[3], Blocks(shape.rows, about: 256))
    let parts = Tensor(uninitialized: [rows.count, 2, channels])
    let numbers = raw.value
    ThreadPool.shared.forEach(rows.count) { index in
      let range = rows[index]
      em_channel_moments(
        numbers.pointer + range.lowerBound * channels, range.count, channels,
        parts.pointer + index * 2 * channels)
    }
    return FeatureMap(raw, moments: combinedMoments(parts, pixels: (0..<rows.count).map { rows[$0].count }))
  }

  /// An activation on top, pending.
  public func activated(_ activation: ChannelActivation) -> FeatureMap {
    if case .none = self.activation {
    } else {
      preconditionFailure("FeatureMap.activated: one is pending already")
    }
    return FeatureMap(raw, normalization, activation)
  }

  var isPlain: Bool { if case .none = activation { normalization == nil } else { false } }
  /// What a rule that reads the map records besides other inputs: the numbers, then weight and bias if there are.
  var inputs: [Variable] { [raw] + (normalization.map { [$0.weight, $0.bias] } ?? []) }
  /// The map without the graph.
  var saved: SavedMap {
    SavedMap(
      x: raw.value, normalization: normalization?.saved, activation: activation,
      isNormalized: normalization != nil)
  }
}

/// A pending normalisation.
struct ChannelNormalization {
  let weight, bias: Variable
  let saved: Saved

  /// What is kept of it: rows of [4, C] are mean, 1 / deviation, and the scale and shift that they make with weight and
  /// bias.
  struct Saved {
    let table: Tensor
    let isOwn: Bool
    let count, channels: Int
    var mean: UnsafeMutablePointer<Float> { table.pointer }
    var rstd: UnsafeMutablePointer<Float> { table.pointer + channels }
    var scale: UnsafeMutablePointer<Float> { table.pointer + 2 * channels }
    var shift: UnsafeMutablePointer<Float> { table.pointer + 3 * channels }
  }

  init(
    _ statistics: Tensor, _ isOwn: Bool, _ weight: Variable, _ bias: Variable, _ epsilon: Float, count: Int
  ) {
    let channels = weight.shape.count
    let table = Tensor(uninitialized: [4, channels])
    let (from, to) = (statistics.pointer, table.pointer)
    let (gamma, beta) = (weight.value.pointer, bias.value.pointer)
    for c in 0..<channels {
      let rstd = 1 / (from[channels + c] + epsilon).squareRoot()
      to[c] = from[c]
      to[channels + c] = rstd
      to[2 * channels + c] = gamma[c] * rstd
      to[3 * channels + c] = beta[c] - from[c] * gamma[c] * rstd
    }
    withExtendedLifetime((statistics, weight, bias)) {}
    (self.weight, self.bias) = (weight, bias)
    saved = Saved(table: table, isOwn: isOwn, count: count, channels: channels)
  }
}

/// What a backward rule keeps of a map it read.
struct SavedMap {
  let x: Tensor
  let normalization: ChannelNormalization.Saved?
  let activation: ChannelActivation
  let isNormalized: Bool

  var channels: Int { x.shape[3] }
  var isPlain: Bool { if case .none = activation { !isNormalized } else { false } }
  var hasActivation: Bool { if case .none = activation { false } else { true } }

  /// The finished map for some pixels that lie together: `pixels` from `first` on, into `out`.
  func read(_ first: Int, _ pixels: Int, into out: UnsafeMutablePointer<Float>) {
    let from = x.pointer + first * channels
    if isPlain {
      out.update(from: from, count: pixels * channels)
    } else {
      em_normalize_channels(
        from, pixels, channels, normalization?.scale, normalization?.shift, nil, nil, nil, activation.code,
        out)
    }
  }

  /// The same, rounded.
  func readRounded(_ first: Int, _ pixels: Int, into out: UnsafeMutablePointer<UInt16>) {
    em_normalize_channels_bfloat16(
      x.pointer + first * channels, pixels, channels, normalization?.scale, normalization?.shift,
      activation.code, out)
  }

  /// Turns the gradient of the finished map into that of the normalised one, in place, `out` being the finished map if
  /// it is at hand.
  func throughActivation(
    _ g: UnsafeMutablePointer<Float>, _ first: Int, _ pixels: Int, out: UnsafePointer<Float>? = nil
  ) {
    em_normalize_channels_backward(
      g, x.pointer + first * channels, out, pixels, channels, normalization?.scale, normalization?.shift,
      activation.code)
  }

  /// The sums over some pixels that a normalisation's gradient needs, [2, C].
  func sums(
    _ g: UnsafePointer<Float>, _ first: Int, _ pixels: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    guard let normalization else { return }
    em_channel_gradient_sums(
      g, x.pointer + first * channels, pixels, channels, normalization.mean, normalization.rstd, sums)
  }

  /// Leaves the gradient of the numbers at `inputs[place]` and those of the normalisation's weight and bias at
  /// `inputs[weightAt]` and the one after it, given that of the normalised map, [B, H, W, C], and its sums block by block,
  /// [blocks, 2, C], which are added in order.
  func passBack(
    _ g: consuming Tensor, sums: Tensor?, at place: Int, weightAt: Int, into inputs: inout InputGradients
  ) {
    guard let normalization, let sums else {
      inputs.give(place, g)
      return
    }
    let channels = channels
    let blocks = sums.shape[0]
    // Most of the gradient may lie along the two sums, so they are added in double precision.
    let total = Tensor(
      (0..<2 * channels).map { place in
        Float((0..<blocks).reduce(0.0) { $0 + Double(sums.pointer[$1 * 2 * channels + place]) })
      }, [2, channels])
    inputs.add(weightAt, [channels]) { accumulate(total.pointer + channels, channels, $0, $1) }
    inputs.add(weightAt + 1, [channels]) { accumulate(total.pointer, channels, $0, $1) }
    if inputs.wants(place) {
      let factors = Tensor(uninitialized: [3, channels])
      let (a, b, c) = (factors.pointer, factors.pointer + channels, factors.pointer + 2 * channels)
      let share = normalization.isOwn ? 1 / Float(normalization.count) : 0
      for i in 0..<channels {
        let slope = normalization.scale[i] * normalization.rstd[i] * total.pointer[channels + i] * share
        a[i] = normalization.scale[i]
        b[i] = -slope
        c[i] = -normalization.scale[i] * total.pointer[i] * share
      }
      let (x, gradient) = (self.x, g)
      let pixels = Blocks(x.shape.rows, about: 256)
      inputs.add(place, x.shape) { dx, beta in
        ThreadPool.shared.forEach(pixels.count) { index in
          let range = pixels[index]
          let at = range.lowerBound * channels
          em_combine_channels(
            gradient.pointer + at, x.pointer + at, range.count, channels, normalization.mean, a, b, c,
            beta == 0 ? 0 : 1, dx + at)
        }
      }
      withExtendedLifetime((factors, gradient)) {}
    }
    withExtendedLifetime((total, sums)) {}
  }
}

/// to = beta · to + from, beta being 0 or 1.
func accumulate(_ from: UnsafePointer<Float>, _ count: Int, _ to: UnsafeMutablePointer<Float>, _ beta: Float)
{
  if beta == 0 { to.update(from: from, count: count) } else { em_add(to, from, 1, count) }
}

/// Means and variances of channels from those of blocks, [blocks, 2, C] with sums of squared deviations, of so many
/// pixels each (Chan et al. 1979), in order -> [2, C].
func combinedMoments(_ parts: Tensor, pixels: [Int]) -> Tensor {
  let channels = parts.shape[2]
  let result = Tensor(uninitialized: [2, channels])
  let blocks = Blocks(channels, about: 64)
  ThreadPool.shared.forEach(blocks.count) { index in
    for c in blocks[index] {
      var (count, mean, squares) = (0.0, 0.0, 0.0)
      for (block, size) in pixels.enumerated() {
        let part = parts.pointer + block * 2 * channels
        let (n, delta) = (Double(size), Double(part[c]) - mean)
        let sum = count + n
        mean += delta * n / sum
        squares += Double(part[channels + c]) + delta * delta * count * n / sum
        count = sum
      }
      result.pointer[c] = Float(mean)
      result.pointer[channels + c] = Float(squares / count)
    }
  }
  withExtendedLifetime(parts) {}
  return result
}
