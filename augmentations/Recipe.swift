import EmanateImages

/// The views of an image that a method compares, as a file under `augmentations/recipes` describes them.
public struct Recipe: Sendable, Equatable, Codable {
  /// How crops are resized.
  public var interpolation: ResamplingFilter
  /// Mean of red, green and blue, of levels 0...1.
  public var mean: [Double]
  /// Deviation of red, green and blue, of levels 0...1.
  public var std: [Double]
  /// What features are taken of: the side of the centred crop over the short side of the resized image; 1 for whole
  /// images, 0.875 (224 of 256 pixels) if nothing is said.
  public var evaluationCrop = ImagePreparation.usualCrop
  /// The views in order; the first group of equal side holds the global ones.
  public var views: [ViewGroup]

  /// A recipe of the given views.
  public init(
    interpolation: ResamplingFilter = .bicubic, normalization: Normalization = .imageNet, views: [ViewGroup]
  ) {
    self.interpolation = interpolation
    mean = normalization.mean
    std = normalization.std
    self.views = views
  }

  /// Views that are made in the same way.
  public struct ViewGroup: Sendable, Equatable, Codable {
    /// How many.
    public var count: Int
    /// Pixels on each side.
    public var side: Int
    /// Share of the image's area that the crop takes, 0...1.
    public var area: Bounds
    /// The crop's width over its height.
    public var ratio: Bounds
    /// What happens to the crop, in order.
    public var augmentations: [AugmentationSpecification]

    /// `count` views of `side` x `side` pixels.
    public init(
      count: Int, side: Int, area: Bounds, ratio: Bounds = Bounds(3.0 / 4, 4.0 / 3),
      augmentations: [AugmentationSpecification] = []
    ) {
      self.count = count
      self.side = side
      self.area = area
      self.ratio = ratio
      self.augmentations = augmentations
    }
  }

  /// The least and the greatest value; in a file a list of two.
  public struct Bounds: Sendable, Equatable, Codable {
    /// The least value.
    public var low: Double
    /// The greatest value.
    public var high: Double

    /// From `low` to `high`.
    public init(_ low: Double, _ high: Double) {
      self.low = low
      self.high = high
    }

    /// Reads a list of two numbers.
    public init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      self.init(try values.decode(Double.self), try values.decode(Double.self))
    }

    /// Writes a list of two numbers.
    public func encode(to encoder: any Encoder) throws {
      var values = encoder.unkeyedContainer()
      try values.encode(low)
      try values.encode(high)
    }

    var range: ClosedRange<Double> { low...high }
  }

  /// Checks every value.
  ///
  /// - Parameter known: The augmentations there are; nil leaves them unchecked.
  /// - Throws: `RecipeError.invalid` with the key and what it must be.
  public func validate(
    file: String = "recipe", augmentations known: [any Augmentation.Type]? = AugmentationRegistry.all
  ) throws(RecipeError) {
    func require(_ isMet: Bool, _ key: String, _ requirement: String) throws(RecipeError) {
      if !isMet { throw RecipeError.invalid(file: file, key: key, requirement: requirement) }
    }
    try require(mean.count == 3, "mean", "three numbers")
    try require(std.count == 3 && std.allSatisfy { $0 > 0 }, "std", "three numbers above 0")
    try require(evaluationCrop > 0 && evaluationCrop <= 1, "evaluationCrop", "above 0, at most 1")
    try require(views.contains { $0.count > 0 }, "views", "one group with a view or more")
    for (index, group) in views.enumerated() {
      let path = "views[\(index)]"
      try require((0...64).contains(group.count), "\(path).count", "from 0 to 64")
      try require((1...4096).contains(group.side), "\(path).side", "from 1 to 4096")
      try require(
        group.area.low > 0 && group.area.low <= group.area.high && group.area.high <= 1, "\(path).area",
        "two numbers with 0 < low <= high <= 1")
      try require(
        group.ratio.low > 0 && group.ratio.low <= group.ratio.high && group.ratio.high.isFinite,
        "\(path).ratio", "two numbers with 0 < low <= high")
      guard let known else { continue }
      for (place, augmentation) in group.augmentations.enumerated() {
        _ = try augmentation.augmentation(
          among: known, file: file, path: "\(path).augmentations[\(place)]")
      }
    }
  }
}

/// An augmentation's name and parameters; in a file `name: {parameter: value}`.
public struct AugmentationSpecification: Sendable, Equatable, Codable {
  /// The name in `AugmentationRegistry`.
  public var name: String
  /// Values by key; those left out have the augmentation's defaults.
  public var parameters: [String: Double]

  /// The augmentation `name` with its defaults but for `parameters`.
  public init(_ name: String, _ parameters: [String: Double] = [:]) {
    self.name = name
    self.parameters = parameters
  }

  /// Reads `name: {parameter: value}`.
  public init(from decoder: any Decoder) throws {
    let named = try decoder.singleValueContainer().decode([String: [String: Double]].self)
    guard let (name, parameters) = named.first, named.count == 1 else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath, debugDescription: "one augmentation is one name with parameters"))
    }
    self.init(name, parameters)
  }

  /// Writes `name: {parameter: value}`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode([name: parameters])
  }

  /// The augmentation itself, one of a list.
  func augmentation(
    among known: [any Augmentation.Type] = AugmentationRegistry.all, file: String = "recipe",
    path: String = "augmentations"
  ) throws(RecipeError) -> any Augmentation {
    guard let type = AugmentationRegistry.type(named: name, among: known) else {
      throw RecipeError.unknownAugmentation(
        file: file, key: path, name: name, known: known.map { $0.name })
    }
    for key in parameters.keys.sorted() where type.defaults[key] == nil {
      throw RecipeError.unknownKey(
        file: file, key: "\(path).\(name).\(key)", known: type.defaults.keys.sorted())
    }
    do {
      return try type.init(parameters: type.defaults.merging(parameters) { $1 })
    } catch {
      throw RecipeError.invalid(
        file: file, key: "\(path).\(name).\(error.key)", requirement: error.requirement)
    }
  }
}
