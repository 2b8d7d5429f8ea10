import EmanateImages

/// How an image is prepared before features are taken, as DINO's evaluation does it (eval_knn.py).
///
/// The short side becomes floor(side * 256 / 224), the long one as torchvision's `Resize` truncates it, by
/// antialiased bicubic; then a centred crop, rounded as torchvision's `CenterCrop` rounds it.
public struct EvaluationTransform: Sendable {
  /// Pixels on each side of the result.
  public let side: Int
  /// What follows the crop.
  public let normalization: Normalization

  /// A transform to `side` x `side` pixels.
  public init(side: Int, normalization: Normalization = .imageNet) {
    precondition(side > 0, "EvaluationTransform: a side of \(side) pixels")
    self.side = side
    self.normalization = normalization
  }

  /// Writes the image's patch rows, [side / patch * side / patch, 3 * patch * patch].
  public func write(_ image: Image, patch: Int, into rows: UnsafeMutableBufferPointer<Float>) {
    var workspace = ViewWorkspace()
    write(image, patch: patch, using: &workspace, into: rows)
  }

  /// The same with memory that is kept between images.
  public func write(
    _ image: Image, patch: Int, using workspace: inout ViewWorkspace,
    into rows: UnsafeMutableBufferPointer<Float>
  ) {
    prepare(image, using: &workspace)
    normalization.write(workspace.view, patch: patch, into: rows)
  }

  /// The resized and cropped image before normalisation.
  public func prepared(_ image: Image) -> Image {
    var workspace = ViewWorkspace()
    prepare(image, using: &workspace)
    return workspace.view.image
  }

  private func prepare(_ image: Image, using workspace: inout ViewWorkspace) {
    let short = side * 256 / 224
    let (w, h) = (image.width, image.height)
    let width = w <= h ? short : Self.long(short, w, h)
    let height = w <= h ? Self.long(short, h, w) : short
    workspace.resampler.load(image)
    workspace.resampler.resize(
      PixelRectangle(x: 0, y: 0, width: w, height: h), width: width, height: height, into: &workspace.view)
    let x = Int((Double(width - side) / 2).rounded(.toNearestOrEven))
    let y = Int((Double(height - side) / 2).rounded(.toNearestOrEven))
    let whole = workspace.view
    workspace.view.reshape(width: side, height: side)
    for plane in 0..<3 {
      for row in 0..<side {
        let from = (plane * height + y + row) * width + x
        let to = (plane * side + row) * side
        workspace.view.levels.replaceSubrange(to..<to + side, with: whole.levels[from..<from + side])
      }
    }
  }

  // Python's int(short * long / short side): one division in double, truncated.
  private static func long(_ short: Int, _ long: Int, _ shortest: Int) -> Int {
    Int(Double(short * long) / Double(shortest))
  }
}
