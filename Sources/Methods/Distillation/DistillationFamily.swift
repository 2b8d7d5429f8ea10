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

  /// A family of these terms.
  public init(name: String, summary: String, softTargets: Bool, terms: [String], others: [String] = []) {
    (self.name, self.summary, self.softTargets) = (name, summary, softTargets)
    (self.terms, self.others) = (terms, others)
  }

  /// Every family: soft targets, and those of the terms in the registry's order.
  public static let all: [DistillationFamily] = [hinton] + ofTerms

  /// Soft targets alone, with the run's own `distill.alpha`.
  static let hinton = DistillationFamily(
    name: "hinton",
    summary: "the teacher's probabilities, softened (Hinton et al. 2015, arXiv:1503.02531); distill.alpha",
    softTargets: true, terms: [])

  private static let ofTerms: [DistillationFamily] = {
    var families: [DistillationFamily] = []
    for entry in TermRegistry.all {
      let name = entry.family ?? entry.name
      if families.contains(where: { $0.name == name }) { continue }
      let parts = TermRegistry.all.filter { ($0.family ?? $0.name) == name }
      families.append(
        DistillationFamily(
          name: name, summary: parts.map { "\($0.name): \($0.summary)" }.joined(separator: "; "),
          softTargets: false, terms: parts.map { "\($0.name)=\($0.weight)" }))
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
      others: parts.flatMap(\.others))
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
