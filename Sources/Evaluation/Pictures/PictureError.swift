/// Why a network gives no picture of what it sees.
public enum PictureError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The architecture has no class token whose attention could be drawn.
  case noAttention(architecture: String)
  /// There is no such block.
  case block(Int, blocks: Int)
  /// A block was asked for of a network that has none.
  case noBlocks(architecture: String)
  /// What a network computes of an image is not finite.
  case notFinite

  /// The failure in words, with what there is instead.
  public var description: String {
    switch self {
    case .noAttention(let architecture):
      "\(architecture) is a network of convolutions without attention; `emanate patches` draws the cells of its last map"
    case .block(let block, let blocks):
      "there is no block \(block): the network's \(blocks) blocks are 0 to \(blocks - 1)"
    case .noBlocks(let architecture):
      "\(architecture) has no transformer blocks to choose from; its last map is drawn"
    case .notFinite: "what the network computes is not finite; are the weights sound?"
    }
  }
}
