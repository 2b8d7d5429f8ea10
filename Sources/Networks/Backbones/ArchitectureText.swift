import Foundation

extension VisionTransformerSizes {
  /// The metadata key under which a weights file carries its network's sizes.
  public static let metadataKey = "architecture"

  /// The sizes as JSON with sorted keys, for a weights file's metadata; stochastic depth is not part of it.
  ///
  /// Keys: `depth`, `heads`, `mlp_ratio`, `patch`, `position_interpolation`, `side`, `width`.
  public var metadata: String {
    """
    {"depth":\(depth),"heads":\(heads),"mlp_ratio":\(mlpRatio),"patch":\(patch),\
    "position_interpolation":"\(positionInterpolation.rawValue)","side":\(side),"width":\(width)}
    """
  }

  /// The sizes from the text that `metadata` gives; `dropPath` is 0.
  public init(metadata: String) throws(ArchitectureTextError) {
    let record: ArchitectureRecord
    do {
      record = try JSONDecoder().decode(ArchitectureRecord.self, from: Data(metadata.utf8))
    } catch {
      throw ArchitectureTextError(text: metadata, reason: "not JSON with every size of a vision transformer")
    }
    let sizes = [record.width, record.depth, record.heads, record.patch, record.side]
    guard sizes.allSatisfy({ $0 > 0 && $0 < 1 << 20 }), record.mlp_ratio > 0, record.mlp_ratio < 1000 else {
      throw ArchitectureTextError(text: metadata, reason: "sizes must be above 0")
    }
    guard record.side % record.patch == 0, record.width % record.heads == 0 else {
      throw ArchitectureTextError(
        text: metadata, reason: "the side must be a multiple of the patch, and the width one of the heads")
    }
    self.init(
      width: record.width, depth: record.depth, heads: record.heads, mlpRatio: record.mlp_ratio,
      patch: record.patch, side: record.side, positionInterpolation: record.position_interpolation)
  }
}

/// Why a text is not the sizes of a network.
public struct ArchitectureTextError: Error, Hashable, CustomStringConvertible {
  /// The text that was read.
  public let text: String
  /// What is wrong with it.
  public let reason: String

  /// The text, cut to 200 letters, and the reason.
  public var description: String { "`\(text.prefix(200))`: \(reason)" }
}

private struct ArchitectureRecord: Decodable {
  let width, depth, heads: Int
  let mlp_ratio: Double
  let patch, side: Int
  let position_interpolation: PositionInterpolation
}
