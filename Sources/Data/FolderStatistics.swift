import EmanateImages

/// The mean and the standard deviation of a folder's channels, as a recipe's `mean` and `std` want them.
///
/// Every image counts alike, whatever its size: the mean is that of the images' means, the deviation the root of the
/// mean of the images' mean squares about it. An image's sums are exact and images are added in the folder's order, so
/// the numbers do not depend on the threads.
public struct FolderStatistics: Sendable, Equatable {
  /// Red, green and blue; levels 0...1.
  public let mean: [Double]
  /// Red, green and blue; 0, but for rounding, where all levels of a channel are alike.
  public let std: [Double]
  /// The images measured.
  public let images: Int
  /// The files left out.
  public let skipped: [SkippedFile]

  /// Measures what `sweep` decodes; nil when it was stopped.
  public init?(_ sweep: FolderSweep) throws(LoaderError) {
    guard let found = sweep({ LevelSums($1) }) else { return nil }
    skipped = sweep.folder.skipped(in: found)
    var (means, squares) = ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    var images = 0
    for case .success(let sums) in found {
      images += 1
      for channel in 0..<3 {
        means[channel] += Double(sums.levels[channel]) / Double(255 * sums.pixels)
        squares[channel] += Double(sums.squares[channel]) / Double(255 * 255 * sums.pixels)
      }
    }
    guard images > 0 else { throw .nothingReadable(first: Array(skipped.prefix(10))) }
    let count = Double(images)
    self.images = images
    mean = means.map { $0 / count }
    // Rounding may leave a little less than nothing.
    std = zip(squares, mean).map { max(0, $0 / count - $1 * $1).squareRoot() }
  }
}

/// Exact sums over an image's levels 0...255 and their squares, channel by channel.
private struct LevelSums {
  let pixels: Int
  var levels: SIMD3<Int> = .zero
  var squares: SIMD3<Int> = .zero

  init(_ image: Image) {
    pixels = image.width * image.height
    image.pixels.withUnsafeBufferPointer { bytes in
      for channel in 0..<3 {
        var (sum, square) = (0, 0)
        for place in stride(from: channel, to: bytes.count, by: 3) {
          let level = Int(bytes[place])
          sum &+= level
          square &+= level &* level
        }
        (levels[channel], squares[channel]) = (sum, square)
      }
    }
  }
}
