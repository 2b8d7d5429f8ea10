import EmanateAutograd
import EmanateTensors

/// MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2) at width 1 without its classifier: names, numbers and
/// initialisation as in torchvision.
public struct MobileNetV2: Backbone {
  /// The length of a feature row.
  public var width: Int { 1280 }
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// It does.
  public var normalizesBatches: Bool { true }
  let entry, last: NormalizedConvolution
  let blocks: [InvertedResidual]

  /// Expansion, channels, repetitions and stride of the first, for each stage.
  static let stages: [(expansion: Int, channels: Int, count: Int, stride: Int)] = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
  ]

  /// Asks `scope` for all parameters.
  public init(_ scope: ParameterScope) {
    let features = scope.scope("features")
    entry = NormalizedConvolution(features.scope("0"), from: 3, to: 32, side: 3, stride: 2)
    var channels = 32
    var blocks: [InvertedResidual] = []
    for stage in Self.stages {
      for index in 0..<stage.count {
        blocks.append(
          InvertedResidual(
            features.scope("\(blocks.count + 1)"), from: channels, to: stage.channels,
            expansion: stage.expansion,
            stride: index == 0 ? stage.stride : 1))
        channels = stage.channels
      }
    }
    self.blocks = blocks
    last = NormalizedConvolution(features.scope("\(blocks.count + 1)"), from: channels, to: 1280, side: 1)
  }

  /// The last map, averaged: [B, 1280].
  public func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    var x = materialized(entry(imageMap(patches, pass), pass, .relu6))
    for (index, block) in blocks.enumerated() {
      x = pass.block(x) { block($0, pass) }
      pass.note(x, at: "features.\(index + 1)")
    }
    return globalAverage(materialized(last(FeatureMap(x), pass, .relu6)))
  }
}

/// A convolution with its batch normalisation, as torchvision's `Conv2dNormActivation` names them: `0` and `1`.
struct NormalizedConvolution: Sendable {
  let convolution: Convolution
  let norm: BatchNorm

  init(
    _ scope: ParameterScope, from inputs: Int, to outputs: Int, side: Int, stride: Int = 1,
    isDepthwise: Bool = false,
    norm options: BatchNorm.Options = BatchNorm.Options()
  ) {
    convolution = Convolution(
      scope.scope("0"), from: inputs, to: outputs, side: side, stride: stride, isDepthwise: isDepthwise)
    norm = BatchNorm(scope.scope("1"), channels: outputs, options)
  }

  func callAsFunction(_ x: FeatureMap, _ pass: Pass, _ activation: ChannelActivation) -> FeatureMap {
    norm(convolution(x, pass), pass, activation)
  }
}

/// One block: expand by a convolution of side 1, convolve channel by channel, project without activation; added to its
/// input where the shape stays.
struct InvertedResidual: Sendable {
  let expand: NormalizedConvolution?
  let depthwise: NormalizedConvolution
  let project: Convolution
  let norm: BatchNorm
  let isResidual: Bool

  init(_ scope: ParameterScope, from inputs: Int, to outputs: Int, expansion: Int, stride: Int) {
    let (inner, hidden) = (scope.scope("conv"), inputs * expansion)
    expand = expansion == 1 ? nil : NormalizedConvolution(inner.scope("0"), from: inputs, to: hidden, side: 1)
    let next = expand == nil ? 0 : 1
    depthwise = NormalizedConvolution(
      inner.scope("\(next)"), from: hidden, to: hidden, side: 3, stride: stride, isDepthwise: true)
    project = Convolution(inner.scope("\(next + 1)"), from: hidden, to: outputs, side: 1)
    norm = BatchNorm(inner.scope("\(next + 2)"), channels: outputs)
    isResidual = stride == 1 && inputs == outputs
  }

  /// x: [B, H, W, C] -> [B, H', W', O].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    var branch = FeatureMap(x)
    if let expand { branch = expand(branch, pass, .relu6) }
    let projected = norm(project(depthwise(branch, pass, .relu6), pass), pass)
    return materialized(projected, plus: isResidual ? FeatureMap(x) : nil)
  }
}

extension MobileNetV2: DrawnBackbone {
  /// The last map, averaged: images [B, 3, S, S] -> [B, 1280].
  public func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let x = blocks.reduce(entry(images, graph, .relu6)) { $1($0, graph) }
    return graph.globalAverage(last(x, graph, .relu6))
  }
}

extension NormalizedConvolution {
  /// x: [B, C, H, W] -> [B, O, H', W'].
  func callAsFunction(
    _ x: NetworkGraph.Value, _ graph: NetworkGraph, _ activation: ChannelActivation
  ) -> NetworkGraph.Value {
    norm(convolution(x, graph), graph, activation)
  }
}

extension InvertedResidual {
  /// x: [B, C, H, W] -> [B, O, H', W'].
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let expanded = expand.map { $0(x, graph, .relu6) } ?? x
    let projected = norm(project(depthwise(expanded, graph, .relu6), graph), graph)
    return isResidual ? graph.sum(projected, x) : projected
  }
}
