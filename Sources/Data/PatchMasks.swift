/// Which patches of a batch's global crops the student does not see.
public struct PatchMasks: Sendable {
  /// How many images, B, how many global views of each, G, and how many patches a crop has, P.
  public let images, views, patches: Int
  /// The masked patches in rising order, M: crop · P + patch, where crop = view · B + image, so that they are
  /// rows of patch tokens [G·B, P, D] taken as [G·B·P, D].
  public let places: [Int32]
  /// For each masked patch one over the number of masked patches in its crop: an `IBOTLoss` weighs by it.
  public let weights: [Float]

  /// Masks of crops view by view, each a list of P flags, true where a patch is masked.
  public init(images: Int, views: Int, masks: [[Bool]]) {
    precondition(
      masks.count == images * views && masks.allSatisfy { $0.count == masks[0].count },
      "PatchMasks: \(masks.count) masks for \(views) views of \(images) images, or masks of several sizes")
    (self.images, self.views, patches) = (images, views, masks.first?.count ?? 0)
    var (places, weights): ([Int32], [Float]) = ([], [])
    for (crop, mask) in masks.enumerated() {
      let masked = mask.indices.filter { mask[$0] }
      places += masked.map { Int32(crop * mask.count + $0) }
      weights += masked.map { _ in 1 / Float(masked.count) }
    }
    (self.places, self.weights) = (places, weights)
  }

  private init(images: Int, views: Int, patches: Int, places: [Int32], weights: [Float]) {
    (self.images, self.views, self.patches) = (images, views, patches)
    (self.places, self.weights) = (places, weights)
  }

  /// How many crops there are, masked or not: an `IBOTLoss` divides by it.
  public var crops: Int { images * views }

  /// The masks of some of the images, for a batch that goes through the networks in parts.
  public func part(_ range: Range<Int>) -> PatchMasks {
    var (places, weights): ([Int32], [Float]) = ([], [])
    for (place, weight) in zip(self.places, self.weights) {
      let (crop, patch) = Int(place).quotientAndRemainder(dividingBy: patches)
      let (view, image) = crop.quotientAndRemainder(dividingBy: images)
      guard range.contains(image) else { continue }
      places.append(Int32((view * range.count + image - range.lowerBound) * patches + patch))
      weights.append(weight)
    }
    return PatchMasks(images: range.count, views: views, patches: patches, places: places, weights: weights)
  }
}
