import EmanateTensors
import Synchronization

/// Interpolation matrices of one network, made once for each grid that is asked for.
final class PositionTables: Sendable {
  private let sizes: VisionTransformerSizes
  private let known = Mutex<[Int: Tensor]>([:])

  init(_ sizes: VisionTransformerSizes) { self.sizes = sizes }

  /// The matrix from the network's own grid to a square one of `patches` places.
  func matrix(patches: Int) -> Tensor {
    let side = Int(Double(patches).squareRoot().rounded())
    precondition(side * side == patches, "VisionTransformer: \(patches) patches are not a square grid")
    return known.withLock { known in
      if let matrix = known[patches] { return matrix }
      let matrix = sizes.positionInterpolation.matrix(from: sizes.side / sizes.patch, to: side)
      known[patches] = matrix
      return matrix
    }
  }
}
