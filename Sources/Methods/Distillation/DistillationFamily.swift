import EmanateConfiguration

/// A published way of distillation as comparisons list it: its terms at their authors' weights.
///
/// Families follow from `TermRegistry`: a term's line there is enough for a family. Except for soft targets themselves a
/// family is its terms beside the labels' whole loss (`distill.alpha=1`), as in the comparison of Tian et al. (2020,
/// arXiv:1910.10699, table 1), so that each shows what it is worth by itself.
public struct DistillationFamily: Sendable, Equatable {
  /// What users choose it by.
  public let name: String
  /// One line, with the source.
  public let summary: String
  /// Whether soft targets have their share, 1 − `distill.alpha`.
  public let softTargets: Bool
  /// Its terms with their weights, as `distill.terms` takes them.
  public let terms: [String]
  /// What else it sets, `path=value` each.
  public let others: [String]
  /// Whether somebody must have been trained before; otherwise students teach themselves or one another.
  public let needsTeacher: Bool
  /// Whether student and teacher must be vision transformers.
  public let needsTransformers: Bool

  /// A family of these terms.
  public init(
    name: String, summary: String, softTargets: Bool, terms: [String], others: [String] = [],
    needsTeacher: Bool = true, needsTransformers: Bool = false
  ) {
    (self.name, self.summary, self.softTargets) = (name, summary, softTargets)
    (self.terms, self.others, self.needsTeacher) = (terms, others, needsTeacher)
    self.needsTransformers = needsTransformers
  }

  /// Every family: soft targets, those of the terms in the registry's order, and those of several generations.
  public static let all: [DistillationFamily] = [hinton] + ofTerms + ofGenerations

  /// Soft targets alone, with the run's own `distill.alpha`.
  static let hinton = DistillationFamily(
    name: "hinton",
    summary: "the teacher's probabilities, softened (Hinton et al. 2015, arXiv:1503.02531); distill.alpha",
    softTargets: true, terms: [])

  /// Soft targets of an earlier network of the same architecture; that of generation 0 learns from labels.
  static let ofGenerations = [
    DistillationFamily(
      name: "born-again",
      summary: "the same network again, three times, the one before as teacher "
        + "(Furlanello et al. 2018, arXiv:1805.04770); distill.alpha, temperature 1",
      softTargets: true, terms: [],
      others: ["distill.generations=3", "distill.cache=off", "distill.temperature=1"],
      needsTeacher: false),
    DistillationFamily(
      name: "tf-kd-self",
      summary: "a twin trained before as teacher (Tf-KD_self, Yuan et al. 2020, arXiv:1909.11723); "
        + "alpha 0.1, temperature 20",
      softTargets: true, terms: [],
      others: ["distill.generations=1", "distill.cache=off", "distill.alpha=0.1", "distill.temperature=20"],
      needsTeacher: false),
  ]

  private static let ofTerms: [DistillationFamily] = {
    var families: [DistillationFamily] = []
    for entry in TermRegistry.all {
      let name = entry.family ?? entry.name
      if families.contains(where: { $0.name == name }) { continue }
      let parts = TermRegistry.all.filter { ($0.family ?? $0.name) == name }
      families.append(
        DistillationFamily(
          name: name, summary: parts.map { "\($0.name): \($0.summary)" }.joined(separator: "; "),
          softTargets: false, terms: parts.map { "\($0.name)=\($0.weight)" }, others: parts.flatMap(\.others),
          needsTeacher: parts.contains { $0.kind.needsTeacher },
          needsTransformers: parts.contains { $0.kind == .attention }))
    }
    return families
  }()

  /// The family of a name, or several at once, joined by `+`: `hinton+rkd`.
  ///
  /// - Throws: `ConfigurationError.inconsistent` with the names there are.
  public init(named text: String) throws(ConfigurationError) {
    var parts: [DistillationFamily] = []
    for name in text.split(separator: "+", omittingEmptySubsequences: false) {
      guard let family = Self.all.first(where: { $0.name == name }) else {
        throw .inconsistent(
          reason: "there is no family of distillation `\(name)`; there are "
            + Self.all.map(\.name).joined(separator: ", "))
      }
      if parts.contains(family) { throw .inconsistent(reason: "the family `\(name)` is twice in `\(text)`") }
      parts.append(family)
    }
    self.init(
      name: parts.map(\.name).joined(separator: "+"),
      summary: parts.map(\.summary).joined(separator: "; "),
      softTargets: parts.contains { $0.softTargets }, terms: parts.flatMap(\.terms),
      others: parts.flatMap(\.others),
      // Of generations the one before teaches whatever else is compared.
      needsTeacher: parts.contains { $0.needsTeacher } && !parts.contains { Self.ofGenerations.contains($0) },
      needsTransformers: parts.contains { $0.needsTransformers })
  }

  /// What is set over a run's settings, `path=value` each.
  public var settings: [String] {
    ["distill.terms=[\(terms.joined(separator: ", "))]"] + (softTargets ? [] : ["distill.alpha=1"]) + others
  }

  /// A configuration with this family in place of its terms.
  ///
  /// - Throws: `ConfigurationError` as for any setting.
  public func applied(to configuration: ExperimentConfiguration) throws(ConfigurationError)
    -> ExperimentConfiguration
  {
    var configuration = configuration
    for setting in settings { try configuration.set(setting) }
    try configuration.check()
    return configuration
  }
}
