import EmanateImages
import EmanateKernels

/// Views of one size that stand side by side.
public struct ViewGroupShape: Sendable, Equatable {
  /// How many.
  public let views: Int
  /// Pixels on each side.
  public let side: Int

  /// `views` views of `side` x `side` pixels.
  public init(views: Int, side: Int) {
    self.views = views
    self.side = side
  }
}

/// Memory for making views, kept between images: one for each thread.
public struct ViewWorkspace: Sendable {
  var resampler = Resampler()
  private var fastResampler = FastResampler()
  private var mode = DataMode.exact
  var view = PlanarImage(width: 1, height: 1)

  /// Empty memory; it grows with the first image.
  public init() {}

  /// Takes an image, or the part of it in `region`, as the source of the crops that follow.
  mutating func load(_ image: DecodedImage, for mode: DataMode, region: PixelRectangle) {
    // Sixteen bits a sample of a very large image would take twice the memory for little. By the image's size, not
    // the region's: one view made alone must be the one that is made among all.
    let isLarge = image.width * image.height > 1 << 23
    if case .pixels = image, isLarge { self.mode = .exact } else { self.mode = mode }
    switch (image, self.mode) {
    case (.pixels(let image), .exact): resampler.load(image, region: region)
    case (.pixels(let image), .fast): fastResampler.load(image, region: region)
    case (.planes(let planes), .fast): fastResampler.load(planes, region: region)
    case (.planes, .exact): preconditionFailure("ViewWorkspace.load: planes; exact views are made of pixels")
    }
  }

  /// Gives memory back that only a very large image needed.
  package mutating func releaseExcess() {
    if resampler.byteCount > Self.mostKept { resampler = Resampler() }
    if fastResampler.byteCount > Self.mostKept { fastResampler = FastResampler() }
  }

  private static let mostKept = 1 << 24

  /// Resizes a part of the image into `view`.
  mutating func resize(_ window: PixelRectangle, side: Int, filter: ResamplingFilter, mirrored: Bool) {
    switch mode {
    case .exact:
      resampler.resize(
        window, width: side, height: side, filter: filter, mirrored: mirrored, into: &view)
    case .fast:
      fastResampler.resize(
        window, width: side, height: side, filter: filter, mirrored: mirrored, into: &view)
    }
  }
}

/// Makes the views of an image that a recipe describes: DINO's multi-crop (Caron et al. 2021,
/// arXiv:2104.14294).
///
/// Each view is a pure function of (seed, epoch, sample, view): any thread may make it, in any order.
public struct MultiCrop: Sendable {
  /// Consecutive views of one side, in the order of their numbers.
  public let groups: [ViewGroupShape]
  /// What follows the augmentations.
  public let normalization: Normalization
  /// The form in which it wants its images.
  public let mode: DataMode

  private struct View: Sendable {
    let side: Int
    let crop: RandomResizedCrop
    let filter: ResamplingFilter
    let flip: HorizontalFlip?
    let augmentations: [any Augmentation]
  }

  private let views: [View]

  /// The views of `recipe`, of images in the form that `mode` reads.
  ///
  /// - Parameter known: The augmentations that the recipe may name.
  /// - Throws: `RecipeError` if the recipe names an augmentation or value that makes no sense.
  public init(
    _ recipe: Recipe, mode: DataMode = .exact,
    augmentations known: [any Augmentation.Type] = AugmentationRegistry.all
  ) throws {
    try recipe.validate(augmentations: known)
    self.mode = mode
    let normalization = Normalization(mean: recipe.mean, std: recipe.std)
    self.normalization = normalization
    var views: [View] = []
    for group in recipe.views {
      var augmentations = try group.augmentations.map {
        try $0.augmentation(among: known).adapted(to: normalization)
      }
      // A flip that comes first costs nothing: the crop is written mirrored.
      let flip = augmentations.first as? HorizontalFlip
      if flip != nil { augmentations.removeFirst() }
      let view = View(
        side: group.side, crop: RandomResizedCrop(area: group.area.range, ratio: group.ratio.range),
        filter: recipe.interpolation, flip: flip, augmentations: augmentations)
      views += Array(repeating: view, count: group.count)
    }
    self.views = views
    var groups: [ViewGroupShape] = []
    for view in views {
      if let last = groups.last, last.side == view.side {
        groups[groups.count - 1] = ViewGroupShape(views: last.views + 1, side: view.side)
      } else {
        groups.append(ViewGroupShape(views: 1, side: view.side))
      }
    }
    self.groups = groups
  }

  /// Views of one image.
  public var viewCount: Int { views.count }

  /// Pixels on each side of a view.
  public func side(ofView view: Int) -> Int { views[view].side }

  /// Floats of a view: 3 * side * side, whatever the patch.
  public func valueCount(ofView view: Int) -> Int { 3 * views[view].side * views[view].side }

  /// Writes one view as patch rows, [side / patch * side / patch, 3 * patch * patch]; each row
  /// [3, patch, patch].
  public func write(
    view: Int, of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    into rows: UnsafeMutableBufferPointer<Float>
  ) {
    var workspace = ViewWorkspace()
    make(view, of: image, isLoaded: false, seed: seed, epoch: epoch, sample: sample, using: &workspace)
    normalization.write(workspace.view, patch: patch, into: rows)
  }

  /// Writes all views of an image as patch rows; `rows(view)` gives each one's place. The fast way: the image
  /// is laid out once for all its crops, and memory is kept between images.
  public func writeAll(
    of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int, patch: Int,
    using workspace: inout ViewWorkspace, into rows: (Int) -> UnsafeMutableBufferPointer<Float>
  ) {
    let windows = views.indices.map { view in
      var generator = KeyedGenerator(seed: seed, purpose: .views, epoch, sample, view)
      return views[view].crop.rectangle(width: image.width, height: image.height, using: &generator)
    }
    let region = windows.dropFirst().reduce(windows[0]) { $0.union($1) }
    profiled("layout by columns", Work(numbers: 3 * region.width * region.height / 4)) {
      workspace.load(image, for: mode, region: region)
    }
    for view in views.indices {
      make(view, of: image, isLoaded: true, seed: seed, epoch: epoch, sample: sample, using: &workspace)
      profiled("normalisation, patch rows", Work(numbers: valueCount(ofView: view))) {
        normalization.write(workspace.view, patch: patch, into: rows(view))
      }
    }
  }

  /// One view before normalisation, for tests and contact sheets.
  public func view(_ view: Int, of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int) -> Image {
    var workspace = ViewWorkspace()
    make(view, of: image, isLoaded: false, seed: seed, epoch: epoch, sample: sample, using: &workspace)
    return workspace.view.image
  }

  /// The same view with what was done to get it.
  public func describedView(
    _ view: Int, of image: DecodedImage, seed: UInt64, epoch: Int, sample: Int
  ) -> DescribedView {
    var workspace = ViewWorkspace()
    workspace.view.notes = []
    let crop = make(
      view, of: image, isLoaded: false, seed: seed, epoch: epoch, sample: sample, using: &workspace)
    return DescribedView(image: workspace.view.image, crop: crop, applied: workspace.view.notes ?? [])
  }

  @discardableResult
  private func make(
    _ index: Int, of image: DecodedImage, isLoaded: Bool, seed: UInt64, epoch: Int, sample: Int,
    using workspace: inout ViewWorkspace
  ) -> PixelRectangle {
    let view = views[index]
    var generator = KeyedGenerator(seed: seed, purpose: .views, epoch, sample, index)
    let window = view.crop.rectangle(width: image.width, height: image.height, using: &generator)
    let isMirrored = view.flip.map { generator.happens($0.probability) } ?? false
    if !isLoaded { workspace.load(image, for: mode, region: window) }
    profiled("crop and resize", Work(numbers: 3 * view.side * view.side / 4)) {
      workspace.resize(window, side: view.side, filter: view.filter, mirrored: isMirrored)
    }
    if isMirrored { workspace.view.note(HorizontalFlip.name) }
    for augmentation in view.augmentations {
      profiled(type(of: augmentation).name, Work(numbers: 3 * view.side * view.side / 4)) {
        _ = augmentation(&workspace.view, using: &generator)
      }
    }
    return window
  }
}
