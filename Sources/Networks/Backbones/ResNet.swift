import EmanateAutograd
import EmanateTensors

/// The sizes of a residual network.
public struct ResNetSizes: Sendable, Equatable {
  /// What a block is made of.
  public enum Block: Sendable {
    /// Two convolutions of side 3.
    case basic
    /// Sides 1, 3 and 1, the outer ones four times as wide; the middle one has the stride (torchvision's version 1.5).
    case bottleneck
  }

  /// How images enter.
  public enum Stem: String, Sendable, CaseIterable {
    /// Side 7, stride 2, and a max pool of stride 2.
    case imageNet = "imagenet"
    /// Side 3, stride 1, no pooling: for small images (He et al. 2016, section 4.2; SimCLR, appendix B.9).
    case cifar
  }

  /// What a block is made of.
  public var block: Block
  /// Blocks in each of the four stages.
  public var depths: [Int]
  /// How images enter.
  public var stem: Stem
  /// Channels of the first stage; each later one has twice as many. 64 as published; fewer make a thin network.
  public var channels: Int
  /// The side in pixels of the images it is made for; others go through as well.
  public var side: Int

  /// Sizes of a network with four stages.
  public init(_ block: Block, _ depths: [Int], stem: Stem = .imageNet, channels: Int = 64, side: Int = 224) {
    precondition(
      depths.count == 4 && depths.allSatisfy { $0 > 0 } && channels > 0,
      "ResNetSizes: depths \(depths), \(channels) channels")
    (self.block, self.depths, self.stem, self.channels, self.side) = (block, depths, stem, channels, side)
  }

  /// He et al. 2016, table 1.
  public static let presets: [(name: String, block: Block, depths: [Int])] = [
    ("resnet18", .basic, [2, 2, 2, 2]), ("resnet34", .basic, [3, 4, 6, 3]),
    ("resnet50", .bottleneck, [3, 4, 6, 3]), ("resnet101", .bottleneck, [3, 4, 23, 3]),
    ("resnet152", .bottleneck, [3, 8, 36, 3]),
  ]
}

/// A residual network (He et al. 2016, arXiv:1512.03385) without its classifier: names, numbers and initialisation as in
/// torchvision.
public struct ResNet: Backbone {
  /// The sizes it was made with.
  public let sizes: ResNetSizes
  /// The length of a feature row: 512 or 2,048 as published.
  public let width: Int
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// It does.
  public var normalizesBatches: Bool { true }
  let entry: Convolution
  let entryNorm: BatchNorm
  let blocks: [ResidualBlock]
  /// What each block is called: `layer1.0`.
  private let paths: [String]

  /// Asks `scope` for all parameters.
  public init(_ scope: ParameterScope, _ sizes: ResNetSizes) {
    self.sizes = sizes
    let isLarge = sizes.stem == .imageNet
    entry = Convolution(
      scope.scope("conv1"), from: 3, to: sizes.channels, side: isLarge ? 7 : 3, stride: isLarge ? 2 : 1)
    entryNorm = BatchNorm(scope.scope("bn1"), channels: sizes.channels)
    var channels = sizes.channels
    var (blocks, paths): ([ResidualBlock], [String]) = ([], [])
    for (stage, depth) in sizes.depths.enumerated() {
      for index in 0..<depth {
        paths.append("layer\(stage + 1).\(index)")
        let block = ResidualBlock(
          scope.scope(paths.last!), from: channels, width: sizes.channels << stage,
          sizes.block,
          stride: stage > 0 && index == 0 ? 2 : 1)
        channels = block.outputs
        blocks.append(block)
      }
    }
    (self.blocks, self.paths, width) = (blocks, paths, channels)
  }

  /// The last map, averaged: [B, D].
  public func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    globalAverage(lastMap(patches, pass))
  }

  /// The map after the last block, [B, H, W, D].
  public func lastMap(_ patches: Variable, _ pass: Pass) -> Variable {
    let entered = entryNorm(entry(imageMap(patches, pass), pass), pass, .relu)
    var x =
      sizes.stem == .imageNet
      ? maxPool(entered, side: 3, stride: 2, padding: 1) : materialized(entered)
    for (block, path) in zip(blocks, paths) {
      x = pass.block(x) { block($0, pass) }
      pass.note(x, at: path)
    }
    return x
  }
}

/// One residual block: x -> ReLU(branch(x) + x), x through a convolution of side 1 where the shape changes.
struct ResidualBlock: Sendable {
  let convolutions: [Convolution]
  let norms: [BatchNorm]
  let shortcut: (convolution: Convolution, norm: BatchNorm)?
  let outputs: Int

  init(_ scope: ParameterScope, from inputs: Int, width: Int, _ block: ResNetSizes.Block, stride: Int) {
    // Width, side and stride of each convolution.
    let layers: [(outputs: Int, side: Int, stride: Int)] =
      switch block {
      case .basic: [(width, 3, stride), (width, 3, 1)]
      case .bottleneck: [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
      }
    var channels = inputs
    var (convolutions, norms): ([Convolution], [BatchNorm]) = ([], [])
    for (index, layer) in layers.enumerated() {
      convolutions.append(
        Convolution(
          scope.scope("conv\(index + 1)"), from: channels, to: layer.outputs, side: layer.side,
          stride: layer.stride))
      norms.append(BatchNorm(scope.scope("bn\(index + 1)"), channels: layer.outputs))
      channels = layer.outputs
    }
    (self.convolutions, self.norms, outputs) = (convolutions, norms, channels)
    shortcut =
      stride == 1 && inputs == outputs
      ? nil
      : (
        Convolution(scope.scope("downsample.0"), from: inputs, to: outputs, side: 1, stride: stride),
        BatchNorm(scope.scope("downsample.1"), channels: outputs)
      )
  }

  /// x: [B, H, W, C] -> [B, H', W', outputs].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    var branch = FeatureMap(x)
    for (index, (convolution, norm)) in zip(convolutions, norms).enumerated() {
      branch = norm(convolution(branch, pass), pass, index + 1 < norms.count ? .relu : .none)
    }
    let identity = shortcut.map { $0.norm($0.convolution(FeatureMap(x), pass), pass) } ?? FeatureMap(x)
    return materialized(branch, plus: identity, .relu)
  }
}

extension ResNet: DrawnBackbone {
  /// The last map, averaged: images [B, 3, S, S] -> [B, D].
  public func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let entered = entryNorm(entry(images, graph), graph, .relu)
    let x =
      sizes.stem == .imageNet ? graph.maxPool(entered, side: 3, stride: 2, padding: 1) : entered
    return graph.globalAverage(blocks.reduce(x) { $1($0, graph) })
  }
}

extension ResidualBlock {
  /// x: [B, C, H, W] -> [B, outputs, H', W'].
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    var branch = x
    for (index, (convolution, norm)) in zip(convolutions, norms).enumerated() {
      branch = norm(convolution(branch, graph), graph, index + 1 < norms.count ? .relu : .none)
    }
    let identity = shortcut.map { $0.norm($0.convolution(x, graph), graph) } ?? x
    return graph.activated(graph.sum(branch, identity), .relu)
  }
}
