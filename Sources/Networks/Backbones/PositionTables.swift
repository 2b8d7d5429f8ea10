import EmanateTensors
import Synchronization

/// Interpolation matrices of one network, made once for each grid that is asked for.
final class PositionTables: Sendable {
  private let sizes: VisionTransformerSizes
  private let known = Mutex<[PatchGrid: Tensor]>([:])

  init(_ sizes: VisionTransformerSizes) { self.sizes = sizes }

  /// The matrix from the network's own square grid to another, which need not be square.
  func matrix(to grid: PatchGrid) -> Tensor {
    known.withLock { known in
      if let matrix = known[grid] { return matrix }
      let matrix = sizes.positionInterpolation.matrix(from: sizes.side / sizes.patch, to: grid)
      known[grid] = matrix
      return matrix
    }
  }
}
