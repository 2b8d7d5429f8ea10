import EmanateImages
import Foundation
import Yams

/// Recipes as YAML: unknown keys are refused, so that a slip of the pen does not train another method.
extension Recipe {
  /// Reads the recipe in the file at `path`; `augmentations` as below.
  public init(
    contentsOf path: String, augmentations: [any Augmentation.Type]? = AugmentationRegistry.all
  ) throws(RecipeError) {
    let yaml: String
    do {
      yaml = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
    } catch {
      throw RecipeError.unreadable(file: path, reason: "the recipe cannot be read")
    }
    try self.init(yaml: yaml, file: path, augmentations: augmentations)
  }

  /// Reads a recipe from YAML; `file` is what errors call it.
  ///
  /// - Parameter known: The augmentations it may name. nil takes any name as it stands, for those who read how images are
  ///   prepared and make no views.
  public init(
    yaml: String, file: String, augmentations known: [any Augmentation.Type]? = AugmentationRegistry.all
  ) throws(RecipeError) {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch {
      throw RecipeError.unreadable(file: file, reason: "not YAML: \(error)")
    }
    guard let root else { throw RecipeError.unreadable(file: file, reason: "the recipe is empty") }
    let top = try RecipeNode(node: root, file: file, path: "").fields(
      required: ["views"], optional: ["interpolation", "mean", "std", "evaluationCrop"])
    var recipe = Recipe(views: [])
    if let node = top["interpolation"] {
      guard let filter = node.node.string.flatMap(ResamplingFilter.init) else {
        throw node.invalid(ResamplingFilter.allCases.map(\.rawValue).joined(separator: " or "))
      }
      recipe.interpolation = filter
    }
    if let node = top["mean"] { recipe.mean = try node.numbers(count: 3) }
    if let node = top["std"] { recipe.std = try node.numbers(count: 3) }
    if let node = top["evaluationCrop"] { recipe.evaluationCrop = try node.number() }
    for node in try top["views"]!.list() {
      let fields = try node.fields(
        required: ["count", "side", "area"], optional: ["ratio", "augmentations"])
      var group = ViewGroup(
        count: try fields["count"]!.integer(), side: try fields["side"]!.integer(),
        area: try fields["area"]!.bounds())
      if let ratio = fields["ratio"] { group.ratio = try ratio.bounds() }
      for node in try fields["augmentations"]?.list() ?? [] {
        group.augmentations.append(try node.augmentation(among: known))
      }
      recipe.views.append(group)
    }
    self = recipe
    try validate(file: file, augmentations: known)
  }

  /// The recipe as YAML that `init(yaml:file:)` reads back, every number to its last bit (Yams keeps 15
  /// digits).
  public var yaml: String {
    var lines = [
      "interpolation: \(interpolation.rawValue)", "mean: \(mean)", "std: \(std)",
      "evaluationCrop: \(evaluationCrop)", "views:",
    ]
    for group in views {
      lines += [
        "  - count: \(group.count)", "    side: \(group.side)",
        "    area: [\(group.area.low), \(group.area.high)]",
        "    ratio: [\(group.ratio.low), \(group.ratio.high)]",
        "    augmentations:" + (group.augmentations.isEmpty ? " []" : ""),
      ]
      for augmentation in group.augmentations {
        let parameters = augmentation.parameters.sorted { $0.key < $1.key }.map { "\($0): \($1)" }
        lines.append("      - \(augmentation.name): {\(parameters.joined(separator: ", "))}")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// A node of a recipe's YAML and where it stands.
private struct RecipeNode {
  let node: Node
  let file: String
  let path: String

  func invalid(_ requirement: String) -> RecipeError {
    .invalid(file: file, key: path.isEmpty ? "recipe" : path, requirement: requirement)
  }

  func fields(required: [String], optional: [String]) throws(RecipeError) -> [String: RecipeNode] {
    guard let mapping = node.mapping else { throw invalid("keys with values") }
    var fields: [String: RecipeNode] = [:]
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = path.isEmpty ? name : "\(path).\(name)"
      guard required.contains(name) || optional.contains(name) else {
        throw RecipeError.unknownKey(file: file, key: place, known: required + optional)
      }
      fields[name] = RecipeNode(node: value, file: file, path: place)
    }
    for name in required where fields[name] == nil { throw invalid("given with '\(name)'") }
    return fields
  }

  func list() throws(RecipeError) -> [RecipeNode] {
    guard let sequence = node.sequence else { throw invalid("a list") }
    return sequence.enumerated().map { RecipeNode(node: $1, file: file, path: "\(path)[\($0)]") }
  }

  func integer() throws(RecipeError) -> Int {
    guard let value = node.int else { throw invalid("a whole number") }
    return value
  }

  func number() throws(RecipeError) -> Double {
    guard let value = node.float, value.isFinite else { throw invalid("a number") }
    return value
  }

  func numbers(count: Int) throws(RecipeError) -> [Double] {
    var numbers: [Double] = []
    for node in try list() { numbers.append(try node.number()) }
    guard numbers.count == count else { throw invalid("\(count) numbers") }
    return numbers
  }

  func bounds() throws(RecipeError) -> Recipe.Bounds {
    let numbers = try numbers(count: 2)
    return Recipe.Bounds(numbers[0], numbers[1])
  }

  func augmentation(among known: [any Augmentation.Type]?) throws(RecipeError) -> AugmentationSpecification {
    if let name = node.string { return AugmentationSpecification(name) }
    guard let mapping = node.mapping, mapping.count == 1, let entry = mapping.first,
      let name = entry.key.string
    else { throw invalid("one augmentation, as 'name: {parameter: value}'") }
    let values = RecipeNode(node: entry.value, file: file, path: "\(path).\(name)")
    var keys = values.node.mapping?.keys.compactMap(\.string) ?? []
    if let known {
      guard let type = AugmentationRegistry.type(named: name, among: known) else {
        throw RecipeError.unknownAugmentation(
          file: file, key: path, name: name, known: known.map { $0.name })
      }
      keys = type.defaults.keys.sorted()
    }
    var specification = AugmentationSpecification(name)
    for (key, node) in try values.fields(required: [], optional: keys) {
      specification.parameters[key] = try node.number()
    }
    return specification
  }
}
