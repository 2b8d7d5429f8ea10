import Emanate
import TestSupport
import Testing

@Suite struct DistillationFamilyTests {
  @Test func `every term is in one family, under the weight that its line gives`() throws {
    let terms = DistillationFamily.all.flatMap(\.terms)
    for entry in TermRegistry.all {
      let mine = terms.filter { $0.hasPrefix(entry.name + "=") }
      #expect(mine == ["\(entry.name)=\(entry.weight)"])
      let weight = try #require(entry.summary.split(separator: "weight ").last.flatMap { Double($0) })
      #expect(weight == entry.weight, "\(entry.name)")
    }
    #expect(terms.count == TermRegistry.all.count)
    let names = DistillationFamily.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(
      names == [
        "hinton", "standardized", "dist", "decoupled", "hints", "attention", "vid", "rkd", "similarity",
        "pkt", "correlation", "crd",
      ])
  }

  @Test(arguments: DistillationFamily.all.map(\.name))
  func `a family's settings are accepted, and soft targets count in theirs only`(name: String) throws {
    var configuration = ExperimentConfiguration()
    try configuration.set("distill.alpha=0.25")
    try configuration.set("distill.terms=[hint=7]")
    let family = try DistillationFamily(named: name)
    let applied = try family.applied(to: configuration)
    #expect(applied.distill.alpha == (name == "hinton" ? 0.25 : 1))
    #expect(applied.distill.terms == family.terms && applied.distill.weightedTerms != nil)
  }

  @Test func `families can be joined, and an unknown one is refused with those there are`() throws {
    let both = try DistillationFamily(named: "hinton+rkd")
    #expect(both.name == "hinton+rkd" && both.softTargets && both.terms == ["distance=25.0", "angle=50.0"])
    for (name, words) in [
      ("hintin", "there is no family of distillation `hintin`; there are hinton, standardized"),
      ("rkd+rkd", "twice"), ("", "there is no family"), ("rkd+", "there is no family"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { try DistillationFamily(named: name) }
      #expect(error?.description.contains(words) == true, "\(name)")
    }
  }
}
