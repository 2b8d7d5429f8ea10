import EmanateTensors

/// A backbone before it has parameters: what a configuration or a weights file says of it.
public protocol Architecture: Sendable {
  /// The side of a patch in pixels; 1 where images enter pixel by pixel.
  var patch: Int { get }
  /// The side in pixels of the images it is made for.
  var side: Int { get }
  /// What it is as text for a weights file, so that the file says by itself what it holds; `architecture` names the
  /// family.
  var metadata: [String: String] { get }
  /// What it is in a few words: `192 wide, 12 blocks, 3 heads`.
  var summary: String { get }
  /// The backbone, its parameters asked of `scope`.
  func backbone(_ scope: ParameterScope) -> any Backbone
}

/// What users may choose of an architecture besides its name; each family takes what it has.
public struct ArchitectureChoices: Sendable {
  /// Vision transformers: width of a token, blocks and heads instead of the named ones.
  public var width, depth, heads: Int?
  /// Vision transformers: hidden width of a block's MLP over the width, and the side of a patch in pixels.
  public var mlpRatio = 4.0, patch = 16
  /// The side in pixels of the images it is made for.
  public var side = 224
  /// Transformers: the rate of stochastic depth at the last block.
  public var dropPath = 0.0
  /// Vision transformers: how position embeddings are read at another side.
  public var positionInterpolation = PositionInterpolation.dino
  /// Vision transformers: register tokens, and the first gains of LayerScale, if there is any.
  public var registers = 0, layerScale: Double?
  /// Residual networks: how images enter.
  public var stem = ResNetSizes.Stem.imageNet
  /// Residual networks: channels of the first stage instead of 64.
  public var channels: Int?

  /// What the names stand for.
  public init() {}
}

/// All architectures by name. A new one is a file and a line here; the line also enrols it in the registry's tests.
public enum ArchitectureRegistry {
  /// One name.
  public struct Entry: Sendable {
    /// What users choose it by, as timm and torchvision do.
    public let name: String
    /// The architecture with what else was chosen.
    public let make: @Sendable (ArchitectureChoices) -> any Architecture
  }

  /// Every name.
  public static let all: [Entry] =
    VisionTransformerSizes.presets.map { preset in
      Entry(name: preset.name) { VisionTransformerSizes(preset, $0) }
    }
    + ResNetSizes.presets.map { preset in
      Entry(name: preset.name) {
        ResNetSizes(
          preset.block, preset.depths, stem: $0.stem, channels: $0.channels ?? 64, side: $0.side)
      }
    }
    + [
      Entry(name: "mobilenet_v2") { MobileNetV2Sizes(side: $0.side) },
      Entry(name: "mobilenet_v3_small") { MobileNetV3Sizes(side: $0.side) },
      Entry(name: "convnext_tiny") { ConvNeXtSizes(side: $0.side, dropPath: $0.dropPath) },
    ]

  /// The entry of this name.
  public static func entry(named name: String) -> Entry? { all.first { $0.name == name } }

  /// What reads an architecture back from a file: by the file's metadata, and by its tensors' names and shapes.
  private static let families:
    [(
      metadata: @Sendable ([String: String]) -> (any Architecture)?,
      shapes: @Sendable ([String: Shape]) -> (any Architecture)?
    )] =
      [
        ({ VisionTransformerSizes(metadata: $0) }, { _ in nil }),
        ({ ResNetSizes(metadata: $0) }, { ResNetSizes(shapes: $0) }),
        ({ MobileNetV2Sizes(metadata: $0) }, { MobileNetV2Sizes(shapes: $0) }),
        ({ MobileNetV3Sizes(metadata: $0) }, { MobileNetV3Sizes(shapes: $0) }),
        ({ ConvNeXtSizes(metadata: $0) }, { ConvNeXtSizes(shapes: $0) }),
      ]

  /// The architecture that a file's metadata say, or nil.
  public static func architecture(metadata: [String: String]) -> (any Architecture)? {
    families.lazy.compactMap { $0.metadata(metadata) }.first
  }

  /// The network of convolutions whose tensors these are, or nil. (A vision transformer's heads do not show in shapes.)
  public static func architecture(shapes: [String: Shape]) -> (any Architecture)? {
    families.lazy.compactMap { $0.shapes(shapes) }.first
  }
}

extension VisionTransformerSizes: Architecture {
  /// The named sizes with what was chosen instead.
  init(_ preset: (name: String, width: Int, depth: Int, heads: Int), _ choices: ArchitectureChoices) {
    self.init(
      width: choices.width ?? preset.width, depth: choices.depth ?? preset.depth,
      heads: choices.heads ?? preset.heads, mlpRatio: choices.mlpRatio, patch: choices.patch,
      side: choices.side,
      dropPath: choices.dropPath, positionInterpolation: choices.positionInterpolation,
      registers: choices.registers, layerScale: choices.layerScale)
  }

  /// `192 wide, 12 blocks, 3 heads`.
  public var summary: String { "\(width) wide, \(depth) blocks, \(heads) heads" }
  /// A vision transformer.
  public func backbone(_ scope: ParameterScope) -> any Backbone { VisionTransformer(scope, self) }
}
