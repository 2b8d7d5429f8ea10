import EmanateAutograd
import EmanateTensors

/// MobileNetV3-small has one size.
public struct MobileNetV3Sizes: Architecture, Equatable {
  /// The side in pixels of the images it is made for.
  public let side: Int
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// `11 inverted residuals with gates`.
  public var summary: String { "11 inverted residuals with gates" }
  /// The name and the side.
  public var metadata: [String: String] { ["architecture": "mobilenet_v3_small", "side": "\(side)"] }

  /// For images of this side.
  public init(side: Int = 224) { self.side = side }

  /// What `metadata` gave, or nil if it says nothing of it.
  public init?(metadata: [String: String]) {
    guard metadata["architecture"] == "mobilenet_v3_small", let side = metadata["side"].flatMap({ Int($0) }),
      (1...4096).contains(side)
    else { return nil }
    self.init(side: side)
  }

  /// A network whose tensors have torchvision's names, or nil.
  init?(shapes: [String: Shape]) {
    guard shapes["features.0.0.weight"] == [16, 3, 3, 3], shapes["features.12.0.weight"] == [576, 96, 1, 1]
    else {
      return nil
    }
    self.init()
  }

  /// MobileNetV3-small.
  public func backbone(_ scope: ParameterScope) -> any Backbone { MobileNetV3(scope) }
}

/// MobileNetV3-small (Howard et al. 2019, arXiv:1905.02244, table 2) without its classifier: names, numbers and
/// initialisation as in torchvision.
public struct MobileNetV3: Backbone {
  /// The length of a feature row.
  public var width: Int { 576 }
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// It does.
  public var normalizesBatches: Bool { true }
  let entry, last: NormalizedConvolution
  let blocks: [GatedResidual]

  /// Side of the kernel, channels inside and out, whether there is a gate, what activates, stride.
  static let stages:
    [(side: Int, hidden: Int, outputs: Int, isGated: Bool, activation: ChannelActivation, stride: Int)] = [
      (3, 16, 16, true, .relu, 2), (3, 72, 24, false, .relu, 2), (3, 88, 24, false, .relu, 1),
      (5, 96, 40, true, .hardSwish, 2), (5, 240, 40, true, .hardSwish, 1), (5, 240, 40, true, .hardSwish, 1),
      (5, 120, 48, true, .hardSwish, 1), (5, 144, 48, true, .hardSwish, 1), (5, 288, 96, true, .hardSwish, 2),
      (5, 576, 96, true, .hardSwish, 1), (5, 576, 96, true, .hardSwish, 1),
    ]

  /// Asks `scope` for all parameters.
  public init(_ scope: ParameterScope) {
    let features = scope.scope("features")
    entry = NormalizedConvolution(
      features.scope("0"), from: 3, to: 16, side: 3, stride: 2, norm: .mobileNetV3)
    var channels = 16
    var blocks: [GatedResidual] = []
    for stage in Self.stages {
      blocks.append(
        GatedResidual(
          features.scope("\(blocks.count + 1).block"), from: channels, hidden: stage.hidden,
          to: stage.outputs,
          side: stage.side, stride: stage.stride, isGated: stage.isGated, activation: stage.activation))
      channels = stage.outputs
    }
    self.blocks = blocks
    last = NormalizedConvolution(
      features.scope("\(blocks.count + 1)"), from: channels, to: 6 * channels, side: 1, norm: .mobileNetV3)
  }

  /// The last map, averaged: [B, 576].
  public func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    var x = materialized(entry(imageMap(patches, pass), pass, .hardSwish))
    for (index, block) in blocks.enumerated() {
      x = pass.block(x) { block($0, pass) }
      pass.note(x, at: "features.\(index + 1)")
    }
    return globalAverage(materialized(last(FeatureMap(x), pass, .hardSwish)))
  }
}

/// One block: expand, convolve channel by channel, gate the channels by what their means say (squeeze and excitation),
/// project.
struct GatedResidual: Sendable {
  let expand: NormalizedConvolution?
  let depthwise, project: NormalizedConvolution
  let squeeze, excite: Linear?
  let activation: ChannelActivation
  let isResidual: Bool

  init(
    _ scope: ParameterScope, from inputs: Int, hidden: Int, to outputs: Int, side: Int, stride: Int,
    isGated: Bool,
    activation: ChannelActivation
  ) {
    var place = 0
    func next() -> ParameterScope {
      defer { place += 1 }
      return scope.scope("\(place)")
    }
    expand =
      hidden == inputs
      ? nil : NormalizedConvolution(next(), from: inputs, to: hidden, side: 1, norm: .mobileNetV3)
    depthwise = NormalizedConvolution(
      next(), from: hidden, to: hidden, side: side, stride: stride, isDepthwise: true, norm: .mobileNetV3)
    if isGated {
      let gate = next()
      // A quarter of the channels, in steps of eight, and no less than nine tenths of that.
      let quarter = hidden / 4
      let rounded = max(8, (quarter + 4) / 8 * 8)
      let inner = 10 * rounded < 9 * quarter ? rounded + 8 : rounded
      squeeze = Linear(pointwise: gate.scope("fc1"), from: hidden, to: inner)
      excite = Linear(pointwise: gate.scope("fc2"), from: inner, to: hidden)
    } else {
      (squeeze, excite) = (nil, nil)
    }
    project = NormalizedConvolution(next(), from: hidden, to: outputs, side: 1, norm: .mobileNetV3)
    self.activation = activation
    isResidual = stride == 1 && inputs == outputs
  }

  /// x: [B, H, W, C] -> [B, H', W', O].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    var branch = FeatureMap(x)
    if let expand { branch = expand(branch, pass, activation) }
    branch = depthwise(branch, pass, activation)
    if let squeeze, let excite {
      let map = materialized(branch)
      let inner = squeeze(globalAverage(map), pass)
      let gates = excite(Self.activated(inner, .relu), pass)
      branch = FeatureMap(gatedChannels(map, by: Self.activated(gates, .hardSigmoid)))
    }
    return materialized(project(branch, pass, .none), plus: isResidual ? FeatureMap(x) : nil)
  }

  private static func activated(_ x: Variable, _ activation: ChannelActivation) -> Variable {
    materialized(FeatureMap(x.reshaped([x.shape[0], 1, 1, x.shape[1]])), activation).reshaped(x.shape)
  }
}

extension Linear {
  /// A convolution of side 1 with bias over rows: [O, I, 1, 1], initialised as torchvision's networks do.
  init(pointwise scope: ParameterScope, from inputs: Int, to outputs: Int) {
    weight = scope.parameter(
      "weight", [outputs, inputs, 1, 1], .normal(std: (2 / Float(outputs)).squareRoot()))
    bias = scope.parameter("bias", [outputs], .zeros)
  }
}

extension BatchNorm.Options {
  /// MobileNetV3's: ε 0.001, running averages that move a hundredth of the way.
  static let mobileNetV3 = BatchNorm.Options(epsilon: 1e-3, share: 0.01)
}

extension MobileNetV3: DrawnBackbone {
  /// The last map, averaged: images [B, 3, S, S] -> [B, 576].
  public func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let x = blocks.reduce(entry(images, graph, .hardSwish)) { $1($0, graph) }
    return graph.globalAverage(last(x, graph, .hardSwish))
  }
}

extension GatedResidual {
  /// x: [B, C, H, W] -> [B, O, H', W'].
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    var branch = depthwise(expand.map { $0(x, graph, activation) } ?? x, graph, activation)
    if let squeeze, let excite {
      let means = graph.globalAverageMap(branch)
      let inner = graph.activated(graph.convolution(means, squeeze.weight, bias: squeeze.bias), .relu)
      let gates = graph.activated(graph.convolution(inner, excite.weight, bias: excite.bias), .hardSigmoid)
      branch = graph.node("Mul", [branch.name, gates.name], sizes: branch.sizes)
    }
    let projected = project(branch, graph, .none)
    return isResidual ? graph.sum(projected, x) : projected
  }
}
