import EmanateNetworks

extension NetworkSettings {
  /// The settings that stand for an architecture found in a weights file; nil for sizes that no name stands for.
  public init?(describing found: any EmanateNetworks.Architecture) {
    self.init()
    side = found.side
    if let sizes = found as? VisionTransformerSizes {
      patch = sizes.patch
      let preset = VisionTransformerSizes.presets.first {
        ($0.width, $0.depth, $0.heads) == (sizes.width, sizes.depth, sizes.heads)
      }
      if let preset {
        architecture = Architecture(rawValue: preset.name)!
      } else {
        (width, depth, heads) = (.override(sizes.width), .override(sizes.depth), .override(sizes.heads))
      }
      (mlpRatio, registers, layerScale) = (sizes.mlpRatio, sizes.registers, OffOr(sizes.layerScale))
      positionInterpolation = sizes.positionInterpolation
      return
    }
    if let sizes = found as? ResNetSizes {
      (stem, channels) = (sizes.stem, sizes.channels == 64 ? .preset : .override(sizes.channels))
    }
    let choices = choices
    guard
      let name = Architecture.allCases.first(where: {
        !$0.isTransformer && $0(choices).metadata == found.metadata
      })
    else { return nil }
    architecture = name
  }

  /// These settings as YAML, to be merged before what a user says.
  public var yaml: String {
    var configuration = ExperimentConfiguration()
    configuration.network = self
    let lines = Setting.all.filter { $0.path.hasPrefix("network.") }.map {
      "  \($0.path.dropFirst("network.".count)): \($0(configuration).description)\n"
    }
    return "network:\n" + lines.joined()
  }
}
