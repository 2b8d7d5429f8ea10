import EmanateImages

/// How an image is prepared before features are taken, as DINO's evaluation does it (eval_knn.py).
///
/// The short side becomes floor(side / crop), which is side * 256 / 224 if nothing is said, the long one as torchvision's `Resize` truncates it, by
/// antialiased bicubic; then a centred crop, rounded as torchvision's `CenterCrop` rounds it.
public struct EvaluationTransform: Sendable {
  /// Pixels on each side of the result.
  public let side: Int
  /// The crop, and what follows it.
  public let preparation: ImagePreparation

  /// A transform to `side` x `side` pixels.
  public init(side: Int, _ preparation: ImagePreparation = .imageNet) {
    precondition(side > 0, "EvaluationTransform: a side of \(side) pixels")
    precondition(
      preparation.crop > 0 && preparation.crop <= 1, "EvaluationTransform: a crop of \(preparation.crop)")
    self.side = side
    self.preparation = preparation
  }

  /// Pixels of the short side before the crop.
  public var short: Int { Int(Double(side) / preparation.crop) }

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
    preparation.normalization.write(workspace.view, patch: patch, into: rows)
  }

  /// The resized and cropped image before normalisation.
  public func prepared(_ image: Image) -> Image {
    var workspace = ViewWorkspace()
    prepare(image, using: &workspace)
    return workspace.view.image
  }

  private func prepare(_ image: Image, using workspace: inout ViewWorkspace) {
    let (w, h) = (image.width, image.height)
    let width = w <= h ? short : Self.long(short, w, h)
    let height = w <= h ? Self.long(short, h, w) : short
    if max(width, height) > Self.longest * side {
      return prepareMiddle(image, width, height, using: &workspace)
    }
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

  /// Past this many times the side only the middle is resized: 30,000 x 10 pixels would become 768,000 x 256.
  private static let longest = 16

  /// The same view of a strip, of `width` x `height` pixels if all of it were resized. Levels differ a little: the box
  /// is rounded to 32 bits, and of a tall strip the other pass may come first.
  private func prepareMiddle(
    _ image: Image, _ width: Int, _ height: Int, using workspace: inout ViewWorkspace
  ) {
    let (x, left, right) = middle(of: image.width, resizedTo: width)
    let (y, top, bottom) = middle(of: image.height, resizedTo: height)
    let window = PixelRectangle(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count)
    workspace.resampler.load(image, region: window)
    workspace.resampler.resize(
      window, box: (left, top, right, bottom), width: side, height: side, into: &workspace.view)
  }

  /// The pixels that the middle `side` of `resized` pixels depend on, and where these begin and end among them.
  private func middle(of pixels: Int, resizedTo resized: Int) -> (Range<Int>, Float, Float) {
    let scale = Double(pixels) / Double(resized)
    let first = (Double(resized - side) / 2).rounded(.toNearestOrEven) * scale
    // Bicubic weights reach two pixels to either side, of the coarser grid.
    let reach = 2 * max(scale, 1) + 1
    let from = max(0, Int(first - reach))
    let to = min(pixels, Int(first + Double(side) * scale + reach) + 1)
    let box = (Float(first - Double(from)), Float(first + Double(side) * scale - Double(from)))
    return (from..<to, box.0, min(box.1, Float(to - from)))
  }

  // Python's int(short * long / short side): one division in double, truncated.
  private static func long(_ short: Int, _ long: Int, _ shortest: Int) -> Int {
    Int(Double(short * long) / Double(shortest))
  }
}
