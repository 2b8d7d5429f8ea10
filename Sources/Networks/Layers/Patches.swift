import EmanateAutograd
import EmanateTensors

/// Cuts images into the rows that a patch embedding reads.
///
/// images: [B, C, S, S] -> [B, (S/P)², C·P²]; each row is a patch in the order (channel, row, column) of a
/// flattened convolution weight, patches run row by row. The loader packs its views so itself.
public func patchRows(of images: Tensor, patch: Int) -> Tensor {
  let (batch, channels, side) = (images.shape[0], images.shape[1], images.shape[2])
  precondition(
    images.shape[3] == side && side % patch == 0,
    "patchRows: images \(images.shape) and patches of side \(patch)")
  let grid = side / patch
  var rows = Tensor(uninitialized: [batch, grid * grid, channels * patch * patch])
  rows.withMutableElements { to in
    images.withElements { from in
      var at = 0
      for sample in 0..<batch {
        for place in 0..<grid * grid {
          for channel in 0..<channels {
            for y in 0..<patch {
              let row = (sample * channels + channel) * side + place / grid * patch + y
              let line = row * side + place % grid * patch
              for x in 0..<patch {
                to[at] = from[line + x]
                at += 1
              }
            }
          }
        }
      }
    }
  }
  return rows
}

/// Images whose patches are single pixels, as a network of convolutions reads them: [B, H·W, 3] -> [B, H, W, 3].
func imageMap(_ patches: Variable, _ pass: Pass) -> FeatureMap {
  let grid = pass.grid(of: patches.shape[1])
  return FeatureMap(patches.reshaped([patches.shape[0], grid.rows, grid.columns, patches.shape[2]]))
}
