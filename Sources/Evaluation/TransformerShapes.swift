import EmanateInterchange
import EmanateNetworks
import EmanateTensors

/// Reads a vision transformer's sizes off its tensors' shapes, which are called as in timm; heads do not show in them.
struct TransformerShapes {
  private let contents: WeightsFile
  private let hints: NetworkHints
  /// As the file's run says.
  private let heads: Int?
  private let interpolation: PositionInterpolation

  init(_ contents: WeightsFile, _ hints: NetworkHints, heads: Int?, interpolation: PositionInterpolation) {
    (self.contents, self.hints, self.heads, self.interpolation) = (contents, hints, heads, interpolation)
  }

  func sizes() throws(WeightsError) -> VisionTransformerSizes {
    let path = contents.path
    func shape(_ name: String, rank: Int) throws(WeightsError) -> Shape {
      guard let shape = contents.shape(of: name) else {
        let others = contents.names.prefix(3).joined(separator: ", ")
        throw .notWeights(
          path: path,
          reason:
            "no tensor `\(name)`, so not a vision transformer named as in timm, and not a network of convolutions that is known here; it holds \(others), ..."
        )
      }
      guard shape.rank == rank, shape.array.allSatisfy({ $0 > 0 }) else {
        throw .notWeights(
          path: path, reason: "tensor `\(name)` has shape \(shape); \(rank) axes are expected")
      }
      return shape
    }
    let width = try shape("cls_token", rank: 3)[2]
    let patchShape = try shape("patch_embed.proj.weight", rank: 4)
    let patch = hints.patch ?? patchShape[3]
    let places = try shape("pos_embed", rank: 3)[1] - 1
    let grid = Int(Double(places).squareRoot().rounded())
    guard grid > 0, grid * grid == places, patch > 0 else {
      throw .notWeights(
        path: path, reason: "tensor `pos_embed` has \(places + 1) places, not a class token and a square grid"
      )
    }
    let hidden = try shape("blocks.0.mlp.fc1.weight", rank: 2)[0]
    let blocks = Set(
      contents.names.compactMap { $0.hasPrefix("blocks.") ? $0.split(separator: ".").dropFirst().first : nil }
    )
    let named = hints.architecture.flatMap { name in
      VisionTransformerSizes.presets.first { $0.name == name.rawValue }
    }
    let heads = if let known = named?.heads ?? self.heads { known } else { try heads(ofWidth: width) }
    guard heads > 0, width % heads == 0 else {
      throw .contradiction(path: path, given: "\(heads) heads", found: "\(width) wide")
    }
    let (whole, rest) = hidden.quotientAndRemainder(dividingBy: width)
    let token = contents.shape(of: "reg_token")
    let registers = token?.rank == 3 ? min(token![1], contents.names.count) : 0
    return VisionTransformerSizes(
      width: width, depth: blocks.count, heads: heads,
      // Half more than the hidden width, so that its product with the width rounds down to it.
      mlpRatio: rest == 0 ? Double(whole) : (Double(hidden) + 0.5) / Double(width), patch: patch,
      side: grid * patch,
      positionInterpolation: interpolation, registers: registers,
      layerScale: contents.shape(of: "blocks.0.ls1.gamma") == nil ? nil : 1,
      hasMaskToken: contents.shape(of: "mask_token") != nil)
  }

  /// Heads of 64, as all of timm's have; or those of our own preset of that width.
  private func heads(ofWidth width: Int) throws(WeightsError) -> Int {
    if let preset = VisionTransformerSizes.presets.first(where: { $0.width == width }) { return preset.heads }
    if width % 64 == 0 { return width / 64 }
    throw .notWeights(
      path: contents.path, reason: "the number of heads cannot be told from a width of \(width); name --arch")
  }
}
