import EmanateKernels

/// Draws which patches are masked: rectangles laid over one another until enough is covered (BEiT, Bao et al.
/// 2022, arXiv:2106.08254, algorithm 1, with the numbers of DINOv2's masking.py, collate.py and default
/// configuration).
///
/// Half of a batch's global crops are masked. Their ratios are spread over the range: n crops get one ratio
/// from each of n equal parts of it, in random order. All draws are keyed by (seed, step, image, view), so
/// that a batch's masks do not depend on anything that ran before.
public struct MaskGenerator: Sendable {
  /// What masks look like.
  public struct Options: Sendable {
    /// The share of a batch's crops that are masked at all.
    public var share = 0.5
    /// The range of the share of a crop's patches that is to be masked.
    public var ratio = 0.1...0.5
    /// The fewest patches a rectangle is drawn for; near the end of a mask it may be fewer.
    public var smallestBlock = 4
    /// The largest share of a crop's patches that one rectangle may add.
    public var largestBlock = 0.5
    /// The range of height by width, drawn uniformly in its logarithm.
    public var aspect = 0.3...1 / 0.3
    /// How often a rectangle that adds nothing is drawn again before the mask is left as it is.
    public var tries = 10

    /// DINOv2's.
    public init() {}
  }

  /// Patches in a column and in a row of a crop.
  public let rows, columns: Int
  /// Keys the draws together with step, image and view.
  public let seed: UInt64
  /// What masks look like.
  public let options: Options

  /// Masks for crops of rows x columns patches.
  public init(rows: Int, columns: Int, seed: UInt64, options: Options = Options()) {
    precondition(rows > 0 && columns > 0, "MaskGenerator: \(rows) x \(columns) patches")
    precondition(
      0...1 ~= options.share && options.ratio.lowerBound >= 0 && options.ratio.upperBound <= 1
        && options.smallestBlock >= 1 && options.aspect.lowerBound > 0 && options.tries >= 1,
      "MaskGenerator: options out of range, \(options)")
    (self.rows, self.columns, self.seed, self.options) = (rows, columns, seed, options)
  }

  /// The masks of a batch of `images` with `views` global views each.
  public func callAsFunction(images: Int, views: Int, step: Int) -> PatchMasks {
    let crops = images * views
    let masked = Int(Double(crops) * options.share)
    // The last number tells this order from the draws of crop (image 0, view 0).
    var order = KeyedGenerator(seed: seed, purpose: .masks, step, 0, 0, 1)
    var masks = Array(repeating: Array(repeating: false, count: rows * columns), count: crops)
    let width = (options.ratio.upperBound - options.ratio.lowerBound) / Double(max(masked, 1))
    for (part, crop) in order.permutation(crops).prefix(masked).enumerated() {
      let (view, image) = crop.quotientAndRemainder(dividingBy: images)
      var random = KeyedGenerator(seed: seed, purpose: .masks, step, image, view)
      let ratio = options.ratio.lowerBound + width * (Double(part) + random.uniform())
      masks[crop] = mask(of: Int(Double(rows * columns) * ratio), &random)
    }
    return PatchMasks(images: images, views: views, masks: masks)
  }

  /// A crop's mask of at most `count` patches, rows x columns flags; fewer where no rectangle fits any more.
  func mask(of count: Int, _ random: inout KeyedGenerator) -> [Bool] {
    var mask = Array(repeating: false, count: rows * columns)
    var masked = 0
    while masked < count {
      let most = min(Double(count - masked), options.largestBlock * Double(rows * columns))
      guard let block = block(adding: most, to: mask, &random) else { break }
      masked += block.filter { !mask[$0] }.count
      for place in block { mask[place] = true }
    }
    return mask
  }

  /// The places of a rectangle that adds at least one and at most `most` patches, if one of the tries is
  /// such.
  private func block(adding most: Double, to mask: [Bool], _ random: inout KeyedGenerator) -> [Int]? {
    for _ in 0..<options.tries {
      let area = random.uniform(Double(options.smallestBlock), most)
      let aspect = exponential(
        random.uniform(logarithm(options.aspect.lowerBound), logarithm(options.aspect.upperBound)))
      let height = Int((area * aspect).squareRoot().rounded())
      let width = Int((area / aspect).squareRoot().rounded())
      guard height > 0 && width > 0 && height < rows && width < columns else { continue }
      let top = random.index(below: rows - height + 1)
      let left = random.index(below: columns - width + 1)
      let places = (top..<top + height).flatMap { row in
        (left..<left + width).map { row * columns + $0 }
      }
      let added = places.filter { !mask[$0] }.count
      if added > 0 && Double(added) <= most { return places }
    }
    return nil
  }
}
