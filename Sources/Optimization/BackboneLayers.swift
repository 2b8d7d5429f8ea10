/// Which layer of a backbone a parameter belongs to, told from its name as timm and torchvision have it.
///
/// Layer 0 is what comes before the first block (patch embedding, class token, positions, stem); layers 1 to
/// `depth` are the blocks or, of convolutional networks, the stages; `depth` + 1 is what comes after (the last
/// normalisation, heads).
public struct BackboneLayers: Sendable {
  /// The number of blocks or stages.
  public let depth: Int

  /// The layers of a network with parameters of these names.
  public init(names: some Sequence<String>) {
    depth = names.reduce(0) { max($0, Self.place($1) ?? 0) }
  }

  /// The layer of a parameter, 0...depth + 1.
  public func layer(of name: String) -> Int { Self.place(name) ?? depth + 1 }

  /// The part of a network that a parameter belongs to, as measures by layer name it: `stem` for what comes before the
  /// first block, then a block or stage (`blocks.3`, `layer2`), else the first part of the name (`norm`, `head`).
  public static func part(of name: String) -> String {
    let parts = name.split(separator: ".")
    let path = parts.first == "backbone" ? parts.dropFirst() : parts[...]
    guard let head = path.first, let place = place(name) else { return path.first.map(String.init) ?? name }
    if place == 0 { return "stem" }
    return head.hasPrefix("layer") && head != "layers" ? String(head) : path.prefix(2).joined(separator: ".")
  }

  /// Names before the first layer: vision transformers', convolutional stems'.
  private static let first: Set<Substring> = [
    "cls_token", "pos_embed", "patch_embed", "mask_token", "reg_token", "register_tokens", "dist_token",
    "stem", "conv_stem", "conv1", "bn1",
  ]

  /// The layer that a name tells; nil for what comes after the last. `backbone.` before it says nothing.
  private static func place(_ name: String) -> Int? {
    let parts = name.split(separator: ".")
    let path = parts.first == "backbone" ? parts.dropFirst() : parts[...]
    guard let head = path.first else { return nil }
    if first.contains(head) { return 0 }
    let number = path.dropFirst().first.flatMap { Int($0) }
    switch head {
    // timm's transformers, ConvNeXt and Swin count from 0.
    case "blocks", "stages", "layers": return number.map { $0 + 1 }
    // torchvision's `features.0` is the stem.
    case "features": return number
    // The stages of a ResNet, `layer1` to `layer4`.
    case _ where head.hasPrefix("layer"): return Int(head.dropFirst("layer".count))
    default: return nil
    }
  }
}
