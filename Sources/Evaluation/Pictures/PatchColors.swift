import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// The parts of images as colours: their features' first three principal components over all images together as red, green
/// and blue, as in DINOv2's pictures (Oquab et al. 2023, arXiv:2304.07193, figure 1).
///
/// Parts with like colours have like features, in one image and across them. A component's levels run from its 1 % to its
/// 99 % quantile over the parts that are drawn (our choice: one odd part should not take all the contrast).
public struct PatchColors: Sendable {
  /// Which parts are drawn.
  public enum Foreground: String, Sendable, CaseIterable {
    /// All of them.
    case off
    /// Those on one side of 0 of the first component: the side to which fewer of the cells at the images' edges belong. The
    /// components of these parts alone then give the colours.
    case auto
    /// Those above 0, or below it.
    case above, below
  }

  /// By image the levels 0 to 1 of red, green and blue of each part; nil for a part of the background.
  public let colors: [[SIMD3<Double>?]]
  /// The side of the first component that was taken for foreground.
  public let foreground: Foreground
  /// What the three components hold of the variance of the parts that are drawn, 0 to 1.
  public let explained: [Double]

  /// Of images of one network. Where the foreground has fewer than three parts all are drawn.
  public init(_ images: [PatchFeatures], foreground wanted: Foreground = .off) {
    precondition(!images.isEmpty, "PatchColors: no images")
    let rows = Self.together(images.map(\.rows))
    precondition(rows.shape[0] >= 2, "PatchColors: \(rows.shape[0]) parts")
    var drawn = Array(0..<rows.shape[0])
    var side = Foreground.off
    if wanted != .off {
      let first = PrincipalComponents(of: rows, count: 1)(rows).map { $0[0] }
      side = wanted == .auto ? Self.side(first, images.map(\.grid)) : wanted
      let kept = drawn.filter { side == .above ? first[$0] > 0 : first[$0] < 0 }
      if kept.count >= 3 { drawn = kept } else { side = .off }
    }
    let parts = side == .off ? rows : rows.gathering(drawn)
    let components = PrincipalComponents(of: parts, count: min(3, rows.shape[1]))
    let places = components(parts)
    let ranges = components.components.indices.map { number in Self.range(places.map { $0[number] }) }
    var colors = [SIMD3<Double>?](repeating: nil, count: rows.shape[0])
    for (row, place) in zip(drawn, places) {
      var color = SIMD3<Double>(repeating: 0.5)
      for (number, value) in place.enumerated() {
        let (low, high) = ranges[number]
        color[number] = high > low ? min(max((value - low) / (high - low), 0), 1) : 0.5
      }
      colors[row] = color
    }
    var start = 0
    self.colors = images.map { image in
      defer { start += image.grid.count }
      return Array(colors[start..<start + image.grid.count])
    }
    self.foreground = side
    explained = components.variances.map {
      components.totalVariance > 0 ? $0 / components.totalVariance : 0
    }
  }

  private static func together(_ parts: [Tensor]) -> Tensor {
    parts.count == 1
      ? parts[0]
      : Tensor(
        parts.flatMap(\.array), [parts.reduce(0) { $0 + $1.shape[0] }, parts[0].shape[1]])
  }

  /// The side of 0 with the smaller share of the cells at the edges.
  private static func side(_ values: [Double], _ grids: [PatchGrid]) -> Foreground {
    var (above, edge, start) = (0, 0, 0)
    for grid in grids {
      for place in 0..<grid.count {
        let (row, column) = place.quotientAndRemainder(dividingBy: grid.columns)
        guard row == 0 || column == 0 || row == grid.rows - 1 || column == grid.columns - 1 else { continue }
        edge += 1
        above += values[start + place] > 0 ? 1 : 0
      }
      start += grid.count
    }
    return 2 * above > edge ? .below : .above
  }

  private static func range(_ values: [Double]) -> (Double, Double) {
    let sorted = values.sorted()
    let last = Double(sorted.count - 1)
    return (sorted[Int((0.01 * last).rounded())], sorted[Int((0.99 * last).rounded())])
  }
}
