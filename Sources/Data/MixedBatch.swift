import EmanateAugmentations
import EmanateKernels
import EmanateTensors

/// Labels as shares of classes.
public enum SoftLabels {
  /// [B, classes]: 1 for an image's class and 0 for the others; smoothing is the loss's.
  public static func oneHot(_ labels: [Int], classes: Int) -> Tensor {
    precondition(
      labels.allSatisfy { (0..<classes).contains($0) }, "SoftLabels: a label that is not in 0..<\(classes)")
    var values = [Float](repeating: 0, count: labels.count * classes)
    for (row, label) in labels.enumerated() { values[row * classes + label] = 1 }
    return Tensor(values, [labels.count, classes])
  }

  /// Each row times λ, and the row before it (the last one for the first) times 1 - λ.
  ///
  /// labels: [B, classes] -> [B, classes]
  public static func mixed(_ labels: Tensor, by mixture: Mixture) -> Tensor {
    mix(labels, rows: labels.shape[0], share: mixture.share)
  }
}

extension MultiViewBatch {
  /// The batch and its labels, each image mixed with the one before it; one draw for the whole batch, a
  /// function of (seed, step).
  ///
  /// Views of different sides cannot be mixed by boxes: a share of the area in whole pixels is another one for
  /// each side, and the labels have only one.
  ///
  /// - Parameter labels: [B, classes], shares of classes (`SoftLabels.oneHot`).
  public func mixed(
    by mixing: some BatchMixing, labels: Tensor, seed: UInt64, step: Int
  ) -> (batch: MultiViewBatch, labels: Tensor) {
    precondition(
      labels.shape.rank == 2 && labels.shape[0] == batchSize,
      "MultiViewBatch.mixed: labels \(labels.shape) for \(batchSize) images")
    var generator = KeyedGenerator(seed: seed, purpose: .mixing, step)
    let mixture = mixing.draw(side: groups[0].side, using: &generator)
    precondition(
      mixture.box == nil || groups.allSatisfy { $0.side == groups[0].side },
      "MultiViewBatch.mixed: a box for views of several sides")
    let batch = MultiViewBatch(
      groups: groups.map { $0.mixed(by: mixture) }, batchSize: batchSize, samples: samples, skipped: skipped)
    return (batch, SoftLabels.mixed(labels, by: mixture))
  }
}

extension ViewGroup {
  /// Each view mixed with the same view of the image before it.
  ///
  /// patches: [views x B, tokens, 3 x P x P] -> the same
  public func mixed(by mixture: Mixture) -> ViewGroup {
    let batch = patches.shape[0] / views
    guard let box = mixture.box else {
      return with(patches: mix(patches, rows: batch, share: mixture.share))
    }
    precondition(
      box.x >= 0 && box.y >= 0 && box.x + box.width <= side && box.y + box.height <= side,
      "ViewGroup.mixed: \(box) is not inside \(side) x \(side) pixels")
    let result = patches.copied()
    // The box cuts through patches: in each one that it meets, the pixel rows that are inside.
    let grid = side / patch
    for image in 0..<patches.shape[0] {
      let partner = partner(of: image, batch: batch)
      for y in box.y..<box.y + box.height {
        var x = box.x
        while x < box.x + box.width {
          let width = min(patch - x % patch, box.x + box.width - x)
          let token = y / patch * grid + x / patch
          for channel in 0..<3 {
            let place = ((token * 3 + channel) * patch + y % patch) * patch + x % patch
            (result.pointer + image * 3 * side * side + place).update(
              from: patches.pointer + partner * 3 * side * side + place, count: width)
          }
          x += width
        }
      }
    }
    return with(patches: result)
  }

  private func with(patches: Tensor) -> ViewGroup {
    ViewGroup(views: views, side: side, patch: patch, patches: patches)
  }
}

/// The row before `row` among its view's `batch` rows; the first one's is the last.
private func partner(of row: Int, batch: Int) -> Int {
  row - row % batch + (row % batch + batch - 1) % batch
}

/// Each row times `share` and its partner times the rest; rows in groups of `rows`.
private func mix(_ values: Tensor, rows: Int, share: Double) -> Tensor {
  let (share, rest) = (Float(share), Float(1 - share))
  let result = Tensor(uninitialized: values.shape)
  let length = values.count / values.shape[0]
  for row in 0..<values.shape[0] {
    let own = values.pointer + row * length
    let other = values.pointer + partner(of: row, batch: rows) * length
    let target = result.pointer + row * length
    for place in 0..<length { target[place] = own[place] * share + other[place] * rest }
  }
  return result
}
