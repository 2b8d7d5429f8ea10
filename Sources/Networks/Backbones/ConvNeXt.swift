import EmanateAutograd
import EmanateTensors

/// The sizes of a ConvNeXt.
public struct ConvNeXtSizes: Architecture, Equatable {
  /// Blocks and channels of each of the four stages.
  public var depths, widths: [Int]
  /// The side in pixels of the images it is made for.
  public var side: Int
  /// The rate of stochastic depth at the last block; it grows linearly from 0 at the first.
  public var dropPath: Double

  /// Tiny (Liu et al. 2022, arXiv:2201.03545, section 3), unless told otherwise.
  public init(
    depths: [Int] = [3, 3, 9, 3], widths: [Int] = [96, 192, 384, 768], side: Int = 224, dropPath: Double = 0
  ) {
    precondition(
      depths.count == 4 && widths.count == 4 && (depths + widths).allSatisfy { $0 > 0 },
      "ConvNeXtSizes: depths \(depths), widths \(widths)")
    (self.depths, self.widths, self.side, self.dropPath) = (depths, widths, side, dropPath)
  }

  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// `blocks 3, 3, 9, 3, widths 96, 192, 384, 768`.
  public var summary: String { "blocks \(Self.text(depths, ", ")), widths \(Self.text(widths, ", "))" }
  /// The sizes as text.
  public var metadata: [String: String] {
    [
      "architecture": "convnext", "depths": Self.text(depths, " "), "widths": Self.text(widths, " "),
      "side": "\(side)",
    ]
  }

  /// The sizes that `metadata` gave, or nil if it says nothing of them.
  public init?(metadata: [String: String]) {
    func numbers(_ key: String, _ range: ClosedRange<Int>) -> [Int]? {
      let found = (metadata[key] ?? "").split(separator: " ").map { Int($0) }
      return found.allSatisfy { $0.map(range.contains) ?? false } ? found.map { $0! } : nil
    }
    guard metadata["architecture"] == "convnext", let depths = numbers("depths", 1...256), depths.count == 4,
      let widths = numbers("widths", 1...16_384), widths.count == 4,
      let side = numbers("side", 1...4096)?.first
    else { return nil }
    self.init(depths: depths, widths: widths, side: side)
  }

  /// The sizes of a network whose tensors have timm's names, or nil.
  init?(shapes: [String: Shape]) {
    guard shapes["stem.0.weight"]?.rank == 4, shapes["stages.0.blocks.0.conv_dw.weight"] != nil else {
      return nil
    }
    let depths = (0..<4).map { stage in
      (0..<256).first { shapes["stages.\(stage).blocks.\($0).conv_dw.weight"] == nil } ?? 256
    }
    let widths = (0..<4).compactMap { shapes["stages.\($0).blocks.0.gamma"]?[0] }
    guard depths.allSatisfy({ $0 > 0 }), widths.count == 4, widths.allSatisfy({ $0 > 0 }) else { return nil }
    self.init(depths: depths, widths: widths)
  }

  /// A ConvNeXt.
  public func backbone(_ scope: ParameterScope) -> any Backbone { ConvNeXt(scope, self) }

  private static func text(_ numbers: [Int], _ separator: String) -> String {
    numbers.map(String.init).joined(separator: separator)
  }
}

/// ConvNeXt (Liu et al. 2022, arXiv:2201.03545) without its classifier: names, numbers and initialisation as in timm.
public struct ConvNeXt: Backbone {
  /// The sizes it was made with.
  public let sizes: ConvNeXtSizes
  /// The length of a feature row.
  public var width: Int { sizes.widths[3] }
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// Each place is normalised by itself.
  public var normalizesBatches: Bool { false }
  let entry: BiasedConvolution
  let entryNorm, last: LayerNorm
  let stages: [(norm: LayerNorm, downsample: BiasedConvolution)?]
  let blocks: [[ConvNeXtBlock]]

  /// Asks `scope` for all parameters.
  public init(_ scope: ParameterScope, _ sizes: ConvNeXtSizes) {
    self.sizes = sizes
    entry = BiasedConvolution(scope.scope("stem.0"), from: 3, to: sizes.widths[0], side: 4, stride: 4)
    entryNorm = LayerNorm(scope.scope("stem.1"), width: sizes.widths[0])
    let count = sizes.depths.reduce(0, +)
    var index = 0
    var (stages, blocks): ([(norm: LayerNorm, downsample: BiasedConvolution)?], [[ConvNeXtBlock]]) = ([], [])
    for (number, width) in sizes.widths.enumerated() {
      let stage = scope.scope("stages.\(number)")
      stages.append(
        number == 0
          ? nil
          : (
            LayerNorm(stage.scope("downsample.0"), width: sizes.widths[number - 1]),
            BiasedConvolution(
              stage.scope("downsample.1"), from: sizes.widths[number - 1], to: width, side: 2, stride: 2)
          ))
      blocks.append(
        (0..<sizes.depths[number]).map { place in
          defer { index += 1 }
          return ConvNeXtBlock(
            stage.scope("blocks.\(place)"), width: width, index: index,
            dropPath: count == 1 ? 0 : sizes.dropPath * Double(index) / Double(count - 1))
        })
    }
    (self.stages, self.blocks) = (stages, blocks)
    last = LayerNorm(scope.scope("head.norm"), width: sizes.widths[3])
  }

  /// The last map, averaged and normalised: [B, D].
  public func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    var x = entryNorm(entry(imageMap(patches, pass).raw, pass), pass)
    for (number, (stage, blocks)) in zip(stages, blocks).enumerated() {
      if let stage { x = stage.downsample(stage.norm(x, pass), pass) }
      for (index, block) in blocks.enumerated() {
        x = pass.block(x) { block($0, first: first, pass) }
        pass.note(x, at: "stages.\(number).blocks.\(index)")
      }
    }
    return last(globalAverage(x), pass)
  }
}

/// A convolution with bias: weights normal with deviation 0.02, bias zero (timm's).
struct BiasedConvolution: Sendable {
  let convolution: Convolution
  let bias: Parameter

  init(
    _ scope: ParameterScope, from inputs: Int, to outputs: Int, side: Int, stride: Int = 1,
    isDepthwise: Bool = false
  ) {
    convolution = Convolution(
      scope, from: inputs, to: outputs, side: side, stride: stride, isDepthwise: isDepthwise,
      padding: stride > 1 ? 0 : nil, initialization: .truncatedNormal(std: 0.02))
    bias = scope.parameter("bias", [outputs], .zeros)
  }

  /// x: [B, H, W, C] -> [B, H', W', O].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    addedBias(convolution(FeatureMap(x), pass).raw, pass[bias])
  }
}

/// x <- x + γ mlp(norm(depthwise x)), the MLP four times as wide inside.
struct ConvNeXtBlock: Sendable {
  let depthwise: BiasedConvolution
  let norm: LayerNorm
  let hidden, output: Linear
  let scale: Parameter
  let index: Int
  let dropPath: Double

  init(_ scope: ParameterScope, width: Int, index: Int, dropPath: Double) {
    scale = scope.parameter("gamma", [width], .constant(1e-6))
    depthwise = BiasedConvolution(scope.scope("conv_dw"), from: width, to: width, side: 7, isDepthwise: true)
    norm = LayerNorm(scope.scope("norm"), width: width)
    hidden = Linear(scope.scope("mlp.fc1"), from: width, to: 4 * width)
    output = Linear(scope.scope("mlp.fc2"), from: 4 * width, to: width)
    (self.index, self.dropPath) = (index, dropPath)
  }

  /// x: [B, H, W, C] -> [B, H, W, C].
  func callAsFunction(_ x: Variable, first: Int, _ pass: Pass) -> Variable {
    let (shape, tokens) = (x.shape, x.shape[1] * x.shape[2])
    let rows: Shape = [shape[0], tokens, shape[3]]
    func branch(_ kept: KeptSamples?) -> Variable {
      let inner = hidden(
        depthwise(x, pass).reshaped(rows), pass, after: norm.prelude(pass), of: kept, keeping: pass.precision)
      return output(inner, pass, after: .gelu, scaled: scale, addedTo: x.reshaped(rows), of: kept).reshaped(
        shape)
    }
    switch pass.keptSamples(shape[0], first: first, tokens: tokens, branch: index, rate: dropPath) {
    case .all: return branch(nil)
    case .none: return x
    case .some(let samples, let scale):
      return branch(KeptSamples(samples: samples, tokens: tokens, scale: scale))
    }
  }
}

extension ConvNeXt: DrawnBackbone {
  /// The last map, averaged and normalised: images [B, 3, S, S] -> [B, D].
  public func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    var x = entryNorm.channels(entry(images, graph), graph)
    for (stage, blocks) in zip(stages, blocks) {
      if let stage { x = stage.downsample(stage.norm.channels(x, graph), graph) }
      x = blocks.reduce(x) { $1($0, graph) }
    }
    return last(graph.globalAverage(x), graph)
  }
}

extension BiasedConvolution {
  /// x: [B, C, H, W] -> [B, O, H', W'].
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    convolution(x, bias: bias, graph)
  }
}

extension LayerNorm {
  /// Each place's channels: x [B, C, H, W] -> the same shape.
  fileprivate func channels(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    graph.transposed(self(graph.transposed(x, [0, 2, 3, 1]), graph), [0, 3, 1, 2])
  }
}

extension ConvNeXtBlock {
  /// x: [B, C, H, W] -> the same shape.
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let places = graph.transposed(depthwise(x, graph), [0, 2, 3, 1])
    let rows = graph.reshaped(norm(places, graph), [x.sizes[0]])
    let branch = output(graph.gelu(hidden(rows, graph)), graph, scaled: scale)
    return graph.sum(x, graph.transposed(graph.reshaped(branch, places.sizes), [0, 3, 1, 2]))
  }
}
