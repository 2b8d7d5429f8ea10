import EmanateAugmentations
import EmanateImages

/// What turns an image into the views a network reads: the loader knows no augmentation.
///
/// A conformer is a value that any thread may use; its randomness follows from (seed, epoch, sample, view)
/// alone.
public protocol ViewMaker: Sendable {
  /// The groups of views of one side, in the recipe's order, global views first.
  var groups: [ViewGroupShape] { get }

  /// The form in which it wants its images.
  var mode: DataMode { get }

  /// Makes all views of `image` and writes each as normalised patch rows.
  ///
  /// - Parameters:
  ///   - image: Levels 0...255, in the form that `mode` reads.
  ///   - seed: The run's seed; with `epoch` and `sample` it names the random numbers.
  ///   - epoch: From 0.
  ///   - sample: The image's row in its folder.
  ///   - patch: The side P of a patch in pixels; divides every group's side.
  ///   - workspace: Memory that is kept between images; what it holds must not show in the result.
  ///   - rows: One buffer a view, group after group: [tokens, 3 x P x P], tokens row by row over the view,
  ///     each row channel by channel as a flattened convolution weight expects it. P = side gives
  ///     [3, side, side].
  func makeViews(
    of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    using workspace: inout ViewWorkspace, into rows: [UnsafeMutableBufferPointer<Float>])
}

extension MultiCrop: ViewMaker {
  /// All views of the recipe.
  public func makeViews(
    of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    using workspace: inout ViewWorkspace, into rows: [UnsafeMutableBufferPointer<Float>]
  ) {
    writeAll(of: image, seed: seed, epoch: epoch, sample: sample, patch: patch, using: &workspace) {
      rows[$0]
    }
  }
}

extension EvaluationTransform: ViewMaker {
  /// One view, without chance.
  public var groups: [ViewGroupShape] { [ViewGroupShape(views: 1, side: side)] }

  /// Features are always taken of Pillow's pixels.
  public var mode: DataMode { .exact }

  /// The image as it is prepared before features are taken; seed, epoch and sample are of no account.
  public func makeViews(
    of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    using workspace: inout ViewWorkspace, into rows: [UnsafeMutableBufferPointer<Float>]
  ) {
    guard case .pixels(let image) = image else {
      preconditionFailure("EvaluationTransform.makeViews: planes; pixels are needed")
    }
    write(image, patch: patch, using: &workspace, into: rows[0])
  }
}
