import EmanateTensors

/// How a table of position embeddings is read at another grid than its own.
public enum PositionInterpolation: String, Sendable, Codable, CaseIterable {
  /// DINO's (vision_transformer.py, `interpolate_pos_encoding`): bicubic without antialiasing, and the scale
  /// (side + 0.1) / old side, which shifts the sampling points a little.
  case dino
  /// timm's (`resample_abs_pos_embed`): bicubic with antialiasing, scale by sides.
  case antialiased

  /// The matrix [new², old²] that takes a square grid of `old`² rows to `new`² rows.
  public func matrix(from old: Int, to new: Int) -> Tensor {
    matrix(from: old, to: PatchGrid(rows: new, columns: new))
  }

  /// The matrix [rows · columns, old²] that takes a square grid of `old`² rows to one that need not be square.
  public func matrix(from old: Int, to grid: PatchGrid) -> Tensor {
    // Both rules leave a table of the right size alone; where one axis has it, DINO's still shifts both.
    let isSame = grid.rows == old && grid.columns == old
    func line(_ new: Int) -> [[(Int, Double)]] {
      isSame ? (0..<new).map { [($0, 1.0)] } : weights(from: old, to: new)
    }
    let (down, across) = (line(grid.rows), line(grid.columns))
    let matrix = Tensor(repeating: 0, [grid.count, old * old])
    let at = matrix.elements
    for y in 0..<grid.rows {
      for x in 0..<grid.columns {
        for (i, a) in down[y] {
          for (j, b) in across[x] { at[(y * grid.columns + x) * old * old + i * old + j] += Float(a * b) }
        }
      }
    }
    return matrix
  }

  /// For each new place the old places it reads, with their weights.
  private func weights(from old: Int, to new: Int) -> [[(Int, Double)]] {
    switch self {
    case .dino:
      // PyTorch's upsample_bicubic2d with a given scale factor, align_corners false: a = -0.75, edges
      // repeated.
      let step = 1 / ((Double(new) + 0.1) / Double(old))
      return (0..<new).map { place in
        let center = step * (Double(place) + 0.5) - 0.5
        let start = center.rounded(.down)
        let t = center - start
        return (-1...2).map { k in
          (min(max(Int(start) + k, 0), old - 1), Self.cubic(abs(Double(k) - t), a: -0.75))
        }
      }
    case .antialiased:
      // PyTorch's _upsample_bicubic2d_aa: support stretched by the scale, a = -0.5, weights normalised.
      let scale = Double(old) / Double(new)
      let stretch = max(scale, 1)
      return (0..<new).map { place in
        let center = scale * (Double(place) + 0.5)
        let first = max(Int(center - 2 * stretch + 0.5), 0)
        let last = min(Int(center + 2 * stretch + 0.5), old)
        let raw = (first..<last).map { Self.cubic(abs((Double($0) - center + 0.5) / stretch), a: -0.5) }
        let sum = raw.reduce(0, +)
        return zip(first..<last, raw).map { ($0, $1 / sum) }
      }
    }
  }

  /// Keys's cubic convolution kernel (1981) at a distance.
  private static func cubic(_ x: Double, a: Double) -> Double {
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
