import EmanateNetworks
import EmanateTensors

/// What the class token of a vision transformer attends to, as DINO shows it (Caron et al. 2021, arXiv:2104.14294, figure 1;
/// visualize_attention.py): for each head the share of its attention that every patch gets, by the forward pass's own
/// softmax.
public struct AttentionMaps: Sendable {
  /// The block, from 0.
  public let block: Int
  /// How the patches lie.
  public let grid: PatchGrid
  /// By head the patches' shares, row by row. With the head's `classShares` and `registerShares` they sum to 1.
  public let heads: [[Double]]
  /// By head what the class token gives itself, and all registers together.
  public let classShares, registerShares: [Double]

  /// Of an image's class token in a block (the last one if none is said).
  public init(
    of image: FittedImage, by network: FrozenNetwork, block: Int? = nil
  ) throws(PictureError) {
    let (sizes, block) = try network.block(block)
    let rows = network.classAttention(image.patches(network.preparation.normalization), image.grid, block)
    if !rows.isFinite { throw .notFinite }
    let (values, tokens, first) = (rows.array.map(Double.init), rows.shape[2], 1 + sizes.registers)
    func head(_ number: Int, _ range: Range<Int>) -> [Double] {
      Array(values[number * tokens + range.lowerBound..<number * tokens + range.upperBound])
    }
    heads = (0..<sizes.heads).map { head($0, first..<tokens) }
    classShares = (0..<sizes.heads).map { values[$0 * tokens] }
    registerShares = (0..<sizes.heads).map { head($0, 1..<first).reduce(0, +) }
    (self.block, grid) = (block, image.grid)
  }

  /// The mean of the heads' shares.
  public var mean: [Double] {
    (0..<grid.count).map { place in heads.reduce(0) { $0 + $1[place] } / Double(heads.count) }
  }

  /// The patches that hold the largest `mass`, above 0 and at most 1, of what a map gives to all patches.
  ///
  /// As visualize_attention.py cuts: rising shares are summed, and a patch stays where the sum, itself included, is above
  /// 1 − mass. Of equal shares the later patches stay.
  public static func kept(_ map: [Double], mass: Double) -> [Bool] {
    precondition(mass > 0 && mass <= 1, "AttentionMaps: a mass of \(mass)")
    let total = map.reduce(0, +)
    var kept = [Bool](repeating: false, count: map.count)
    var sum = 0.0
    for place in map.indices.sorted(by: { (map[$0], $0) < (map[$1], $1) }) {
      sum += map[place]
      // The last sum is the total but for rounding.
      kept[place] = sum / total > 1 - mass + 1e-12
    }
    return kept
  }
}

extension FrozenNetwork {
  /// The sizes of a transformer and one of its blocks.
  func block(_ block: Int?) throws(PictureError) -> (VisionTransformerSizes, Int) {
    guard let sizes = architecture as? VisionTransformerSizes else {
      throw .noAttention(architecture: title)
    }
    let block = block ?? sizes.depth - 1
    guard (0..<sizes.depth).contains(block) else { throw .block(block, blocks: sizes.depth) }
    return (sizes, block)
  }

  /// Whether the maps of a block can be drawn; nil stands for the last one.
  public func checkAttention(ofBlock block: Int?) throws(PictureError) { _ = try self.block(block) }

  /// What the architecture is called, and its sizes.
  public var title: String {
    "\(architecture.metadata["architecture"] ?? "the network") (\(architecture.summary))"
  }

  /// The class token's attention in a block: patches [1, P, 3·patch²] -> [1, H, T].
  func classAttention(_ patches: Tensor, _ grid: PatchGrid, _ block: Int) -> Tensor {
    let pass = Pass(store, mode: .evaluation, precision: precision)
    (pass.grid, pass.keptAttention) = (grid, [block])
    _ = backbone.features(patches, first: 0, pass)
    return pass.attention[block]!
  }
}
