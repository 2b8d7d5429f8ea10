extension VisionTransformerSizes {
  /// The sizes as text for a weights file's metadata, so that the file says by itself what it is.
  public var metadata: [String: String] {
    [
      "architecture": "vit", "width": "\(width)", "depth": "\(depth)", "heads": "\(heads)",
      "mlp_ratio": "\(mlpRatio)",
      "patch": "\(patch)", "side": "\(side)", "position_interpolation": positionInterpolation.rawValue,
    ].merging(
      [
        ("registers", registers == 0 ? nil : "\(registers)"), ("layer_scale", layerScale.map { "\($0)" }),
        ("mask_token", hasMaskToken ? "yes" : nil),
      ].compactMap { key, value in value.map { (key, $0) } }, uniquingKeysWith: { $1 })
  }

  /// The sizes that `metadata` gave, or nil if it says nothing of them.
  public init?(metadata: [String: String]) {
    func number(_ key: String) -> Int? { metadata[key].flatMap { Int($0) } }
    guard
      metadata["architecture"] == "vit", let width = number("width"), let depth = number("depth"),
      let heads = number("heads"), let patch = number("patch"), let side = number("side"),
      let mlpRatio = metadata["mlp_ratio"].flatMap({ Double($0) }), width > 0, depth > 0, heads > 0,
      patch > 0,
      side > 0, width % heads == 0, side % patch == 0
    else { return nil }
    self.init(
      width: width, depth: depth, heads: heads, mlpRatio: mlpRatio, patch: patch, side: side,
      positionInterpolation: metadata["position_interpolation"].flatMap {
        PositionInterpolation(rawValue: $0)
      } ?? .dino, registers: number("registers") ?? 0,
      layerScale: metadata["layer_scale"].flatMap { Double($0) },
      hasMaskToken: metadata["mask_token"] == "yes")
  }
}
