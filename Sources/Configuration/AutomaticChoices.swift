import Foundation

/// Settings that follow from the data: how many prototypes, how sharp and how patient a teacher, which views, how long.
///
/// The rules for sizes of data are lightly-train's (its DINO method's defaults by number of images); those for sizes of
/// images and for time are our choice, and each says why.
public struct AutomaticChoices: Sendable {
  /// One setting with its reason.
  public struct Choice: Sendable, Equatable {
    /// The setting's key.
    public let path: String
    /// Its value as YAML.
    public let value: String
    /// Why, in a line.
    public let reason: String
  }

  /// What is known of the data and of the wishes.
  public struct Facts: Sendable {
    /// How many images there are.
    public var images: Int
    /// The median of the images' short sides, in pixels.
    public var medianSide: Int
    /// Images a step; nil to choose.
    public var batch: Int?

    /// Facts of a folder.
    public init(images: Int, medianSide: Int, batch: Int? = nil) {
      (self.images, self.medianSide, self.batch) = (images, medianSide, batch)
    }
  }

  /// Every choice, in the order in which they build on one another.
  public let choices: [Choice]

  /// The choices for a method. `batch` of the facts is kept.
  public init(_ facts: Facts, method: String) {
    var choices: [Choice] = []
    func choose(_ path: String, _ value: String, _ reason: String) {
      choices.append(Choice(path: path, value: value, reason: reason))
    }
    let images = facts.images
    let batch = facts.batch ?? max(1, min(images, images < 1000 ? 32 : 64))
    if facts.batch == nil {
      choose("training.batchSize", "\(batch)", "many steps matter more than large batches on a CPU")
    }

    // Images.
    let isSmall = facts.medianSide <= 64
    if isSmall {
      let side = max(16, facts.medianSide / 4 * 4)
      let isPairwise = method == "byol" || method == "simsiam" || method == "mean-teacher"
      choose(
        "data.recipe", isPairwise ? "pair-small" : "dino-small", "images of about \(facts.medianSide) pixels")
      choose("data.views.globalSide", "\(side)", "the images' own size: more pixels hold nothing new")
      if !isPairwise {
        choose(
          "data.views.localSide", "\(max(8, side * 4 / 7 / 4 * 4))",
          "locals are four sevenths of a global view")
      }
      choose("network.side", "\(side)", "as the views")
      choose("network.patch", "4", "a small image needs small patches")
      choose("network.stem", "cifar", "a stem that halves twice leaves too little of \(side) pixels")
    }

    // Prototypes and teacher (lightly-train, DINO, by number of images).
    let prototypes =
      switch images {
      case ..<20_000: 1024
      case ..<50_000: 2048
      case ..<100_000: 4096
      case ..<200_000: 16_384
      case ..<500_000: 32_768
      default: 65_536
      }
    // From 0 at 20,000 images to 1 at ImageNet's 1,281,167.
    let size = min(max(Double(images - 20_000) / 1_261_167, 0), 1)
    func between(_ low: Double, _ high: Double, digits: Double) -> String {
      "\(((low + (high - low) * size) * digits).rounded() / digits)"
    }
    if method == "dino" || method == "dinov2" {
      choose(
        "head.prototypes", "\(prototypes)",
        "\(images) images: more prototypes than kinds of image stay unused")
      let final = between(0.02, 0.07, digits: 100)
      choose(
        "dino.teacherTemperature", final, "few images want a sharp teacher, or all prototypes look alike")
      choose(
        "dino.warmupTeacherTemperature", between(0.02, 0.04, digits: 100),
        "a sharper teacher at first is stabler")
    }
    if method != "simsiam" {
      let atBatch128 = 0.99 + 0.006 * size
      let momentum = pow(atBatch128, Double(batch) / 128)
      choose(
        "ema.momentum", String(format: "%.5g", momentum),
        String(
          format: "%.5g for batches of 128 (few images want a quick teacher), the same half-life in images",
          atBatch128))
    }

    // Length: passes that lightly-train recommends, 200 to 2,000 below 100,000 images, 100 to 500 up to a million.
    let epochs = min(max(8_000_000 / max(1, images), 100), 2000)
    choose(
      "training.epochs", "\(epochs)",
      "about eight million images seen, from 100 to 2,000 passes; a budget cuts it")
    self.choices = choices
  }

  /// The choice of a length by time: as many steps as fit.
  public static func steps(
    minutes: Double, imagesPerSecond: Double, batch: Int
  ) -> Choice {
    let steps = max(1, Int(minutes * 60 * 0.97 * imagesPerSecond / Double(batch)))
    return Choice(
      path: "training.steps", value: "\(steps)",
      reason: String(format: "%.0f minutes at %.1f images/s, as tried, less 3 %%", minutes, imagesPerSecond))
  }

  /// The choices as a configuration file with their reasons.
  public static func yaml(_ choices: [Choice]) -> String {
    var text = "# Chosen from the data; every line may be changed.\n"
    var open: [Substring] = []
    // Sections are written once, in the order of their first choice.
    var order: [String] = []
    for choice in choices {
      let section = choice.path.split(separator: ".").dropLast().joined(separator: ".")
      if !order.contains(section) { order.append(section) }
    }
    order.sort { a, b in
      let (top, other) = (a.split(separator: ".")[0], b.split(separator: ".")[0])
      return top == other ? a.count < b.count : false
    }
    for section in order {
      let parts = section.split(separator: ".")
      var shared = 0
      while shared < min(open.count, parts.count) && open[shared] == parts[shared] { shared += 1 }
      for depth in shared..<max(shared, parts.count) {
        text += String(repeating: "  ", count: depth) + parts[depth] + ":\n"
      }
      open = parts
      let indent = String(repeating: "  ", count: parts.count)
      for choice in choices
      where choice.path.split(separator: ".").dropLast().joined(separator: ".") == section {
        text += "\(indent)# \(choice.reason)\n"
        text += "\(indent)\(choice.path.split(separator: ".").last!): \(choice.value)\n"
      }
    }
    return text
  }
}
