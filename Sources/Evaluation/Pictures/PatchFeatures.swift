import EmanateNetworks
import EmanateTensors

/// What a network makes of each part of an image: the patches' tokens of a vision transformer, or the cells of the last map of
/// a network of convolutions.
public struct PatchFeatures: Sendable {
  /// How the parts lie.
  public let grid: PatchGrid
  /// A row for each, [P, D]: tokens after the block and the final LayerNorm, as DINOv2's patch tokens; cells as they are.
  public let rows: Tensor

  /// Rows as they are, one for each part.
  package init(grid: PatchGrid, rows: Tensor) {
    precondition(rows.shape[0] == grid.count, "PatchFeatures: rows \(rows.shape) for \(grid) parts")
    (self.grid, self.rows) = (grid, rows)
  }

  /// Of an image, after a block of a transformer (the last one if none is said, from 0).
  public init(
    of image: FittedImage, by network: FrozenNetwork, block: Int? = nil
  ) throws(PictureError) {
    try network.checkPatches(ofBlock: block)
    let patches = image.patches(network.preparation.normalization)
    (rows, grid) =
      network.architecture is VisionTransformerSizes
      ? network.patchTokens(patches, image.grid, block) : network.lastMap(patches, image.grid)
    if !rows.isFinite { throw .notFinite }
  }
}

extension FrozenNetwork {
  /// Whether the parts of images can be drawn; a block is a transformer's.
  public func checkPatches(ofBlock block: Int?) throws(PictureError) {
    if architecture is VisionTransformerSizes {
      _ = try self.block(block)
    } else if block != nil {
      throw .noBlocks(architecture: title)
    }
  }

  fileprivate func patchTokens(_ patches: Tensor, _ grid: PatchGrid, _ block: Int?) -> (Tensor, PatchGrid) {
    guard let transformer = backbone as? VisionTransformer else {
      preconditionFailure("FrozenNetwork: \(title) has no tokens")
    }
    let pass = Pass(store, mode: .evaluation, precision: precision)
    pass.grid = grid
    let tokens = transformer.tokens(patches, after: block, pass).value.float32()
    let count = tokens.shape[1]
    let rows = tokens.reshaped([count, tokens.shape[2]])
    return (rows[rows: 1 + transformer.sizes.registers..<count].copied(), grid)
  }

  fileprivate func lastMap(_ pixels: Tensor, _ grid: PatchGrid) -> (Tensor, PatchGrid) {
    let pass = Pass(store, mode: .evaluation, precision: precision)
    (pass.grid, pass.keeps) = (grid, .all)
    _ = backbone.features(pixels, first: 0, pass)
    let map = pass.layers.last!.value.value.float32()
    let cells = PatchGrid(rows: map.shape[1], columns: map.shape[2])
    return (map.reshaped([cells.count, map.shape[3]]), cells)
  }
}
