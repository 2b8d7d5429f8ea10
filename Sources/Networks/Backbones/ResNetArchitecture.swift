import EmanateTensors

extension ResNetSizes: Architecture {
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }

  /// `basic blocks 2, 2, 2, 2, 64 channels, imagenet stem`.
  public var summary: String {
    "\(block) blocks \(depths.map(String.init).joined(separator: ", ")), \(channels) channels, \(stem.rawValue) stem"
  }

  /// A residual network.
  public func backbone(_ scope: ParameterScope) -> any Backbone { ResNet(scope, self) }

  /// The sizes as text.
  public var metadata: [String: String] {
    [
      "architecture": "resnet", "block": "\(block)", "depths": depths.map(String.init).joined(separator: " "),
      "stem": stem.rawValue, "channels": "\(channels)", "side": "\(side)",
    ]
  }

  /// The sizes that `metadata` gave, or nil if it says nothing of them.
  public init?(metadata: [String: String]) {
    let depths = (metadata["depths"] ?? "").split(separator: " ").compactMap { Int($0) }
    guard metadata["architecture"] == "resnet", depths.count == 4,
      depths.allSatisfy({ (1...256).contains($0) }),
      let block = [Block.basic, .bottleneck].first(where: { "\($0)" == metadata["block"] }),
      let stem = metadata["stem"].flatMap({ Stem(rawValue: $0) }),
      let channels = metadata["channels"].flatMap({ Int($0) }), (1...4096).contains(channels),
      let side = metadata["side"].flatMap({ Int($0) }), (1...4096).contains(side)
    else { return nil }
    self.init(block, depths, stem: stem, channels: channels, side: side)
  }

  /// The sizes of a network whose tensors have torchvision's names, or nil.
  init?(shapes: [String: Shape]) {
    guard let entry = shapes["conv1.weight"], entry.rank == 4, shapes["layer1.0.conv1.weight"] != nil else {
      return nil
    }
    let depths = (1...4).map { stage in
      (0..<256).first { shapes["layer\(stage).\($0).conv1.weight"] == nil } ?? 256
    }
    guard depths.allSatisfy({ $0 > 0 }), entry[0] > 0 else { return nil }
    let isSmall = entry[3] == 3
    self.init(
      shapes["layer1.0.conv3.weight"] == nil ? .basic : .bottleneck, depths,
      stem: isSmall ? .cifar : .imageNet,
      channels: entry[0], side: isSmall ? 32 : 224)
  }
}

/// MobileNetV2 has one size.
public struct MobileNetV2Sizes: Architecture, Equatable {
  /// The side in pixels of the images it is made for.
  public let side: Int
  /// Images enter pixel by pixel.
  public var patch: Int { 1 }
  /// `17 inverted residuals, width 1`.
  public var summary: String { "17 inverted residuals, width 1" }
  /// The name and the side.
  public var metadata: [String: String] { ["architecture": "mobilenet_v2", "side": "\(side)"] }

  /// For images of this side.
  public init(side: Int = 224) { self.side = side }

  /// What `metadata` gave, or nil if it says nothing of it.
  public init?(metadata: [String: String]) {
    guard metadata["architecture"] == "mobilenet_v2", let side = metadata["side"].flatMap({ Int($0) }),
      (1...4096).contains(side)
    else { return nil }
    self.init(side: side)
  }

  /// A network whose tensors have torchvision's names, or nil.
  init?(shapes: [String: Shape]) {
    guard shapes["features.0.0.weight"] == [32, 3, 3, 3], shapes["features.18.0.weight"] == [1280, 320, 1, 1]
    else {
      return nil
    }
    self.init()
  }

  /// MobileNetV2.
  public func backbone(_ scope: ParameterScope) -> any Backbone { MobileNetV2(scope) }
}
