import EmanateTensors

/// Views of one side, of all samples of a batch.
public struct ViewGroup: Sendable {
  /// How many views each sample has in this group.
  public let views: Int
  /// The views' side in pixels.
  public let side: Int
  /// The patches' side P in pixels.
  public let patch: Int
  /// [views x B, tokens, 3 x P x P], normalised: all samples of view 0, then all samples of view 1, and so
  /// on.
  public let patches: Tensor

  /// A group over patch rows of the shape above.
  public init(views: Int, side: Int, patch: Int, patches: Tensor) {
    self.views = views
    self.side = side
    self.patch = patch
    self.patches = patches
  }

  /// Room for a group whose rows are not yet written.
  init(views: Int, side: Int, patch: Int, batchSize: Int) {
    precondition(
      patch > 0 && side % patch == 0, "ViewGroup: side \(side) is not a multiple of patch \(patch)")
    let tokens = (side / patch) * (side / patch)
    self.init(
      views: views, side: side, patch: patch,
      patches: Tensor(uninitialized: [views * batchSize, tokens, 3 * patch * patch]))
  }
}

/// What one training step sees: several views of each of B samples.
public struct MultiViewBatch: Sendable {
  /// The groups in the recipe's order, global views first.
  public let groups: [ViewGroup]
  /// B.
  public let batchSize: Int
  /// The folder rows of the B samples.
  public let samples: [Int]
  /// Files first found unreadable with this batch; `samples` holds their replacements.
  public let skipped: [SkippedFile]

  /// A batch of finished groups.
  public init(groups: [ViewGroup], batchSize: Int, samples: [Int], skipped: [SkippedFile] = []) {
    self.groups = groups
    self.batchSize = batchSize
    self.samples = samples
    self.skipped = skipped
  }
}
