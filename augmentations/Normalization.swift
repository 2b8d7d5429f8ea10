import CEmanateKernels
import EmanateImages

/// Brings levels 0...255 to about mean 0 and deviation 1 and lays a view out as the rows of its patches.
public struct Normalization: Sendable, Equatable, Codable {
  /// Mean of red, green and blue, of levels 0...1.
  public var mean: [Double]
  /// Deviation of red, green and blue, of levels 0...1.
  public var std: [Double]

  /// The means and deviations of ImageNet that torchvision's models use.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

  /// (level / 255 - mean) / std, a channel at a time.
  public init(mean: [Double], std: [Double]) {
    precondition(
      mean.count == 3 && std.count == 3 && std.allSatisfy { $0 > 0 },
      "Normalization: mean \(mean) and std \(std) must be three numbers each, deviations above 0")
    self.mean = mean
    self.std = std
  }

  /// Writes a square view as rows [tokens, 3 * patch * patch]: tokens from left to right and top to bottom,
  /// each row [3, patch, patch], as a convolution's weight [D, 3, patch, patch] is laid out.
  public func write(_ view: PlanarImage, patch: Int, into rows: UnsafeMutableBufferPointer<Float>) {
    precondition(
      view.width == view.height && patch > 0 && view.width % patch == 0,
      "Normalization.write: \(view.width) x \(view.height) pixels are not a square of patches of \(patch)")
    precondition(
      rows.count == 3 * view.count, "Normalization.write: room for \(rows.count) of \(3 * view.count) values")
    let scale = std.map { Float(1 / (255 * $0)) }
    let bias = zip(mean, std).map { Float(-$0 / $1) }
    view.levels.withUnsafeBufferPointer {
      emanate_patch_rows($0.baseAddress, view.width, patch, scale, bias, rows.baseAddress)
    }
  }
}
