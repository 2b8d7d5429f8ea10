import EmanateImages

/// What turns an image into the views a network reads: the loader knows no augmentation.
///
/// A conformer is a value that any thread may use; its randomness follows from (seed, epoch, sample, view) alone.
public protocol ViewMaker: Sendable {
  /// The groups of views of one side, in the recipe's order, global views first: how many, and their side in pixels.
  var viewGroups: [(views: Int, side: Int)] { get }

  /// Makes all views of `image` and writes each as normalised patch rows.
  ///
  /// - Parameters:
  ///   - image: Levels 0...255.
  ///   - seed: The run's seed; with `epoch` and `sample` it names the random numbers.
  ///   - epoch: From 0.
  ///   - sample: The image's row in its folder.
  ///   - patch: The side P of a patch in pixels; divides every group's side.
  ///   - rows: One buffer a view, group after group: [tokens, 3 x P x P], tokens row by row over the view, each
  ///     row channel by channel as a flattened convolution weight expects it. P = side gives [3, side, side].
  func makeViews(
    of image: Image, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    into rows: [UnsafeMutableBufferPointer<Float>])
}
