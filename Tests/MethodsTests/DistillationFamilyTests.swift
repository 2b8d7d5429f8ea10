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
        "hinton", "standardized", "dist", "decoupled", "hints", "attention", "vid", "attn-distill", "rkd",
        "similarity",
        "pkt", "correlation", "crd", "tf-kd-reg", "be-your-own-teacher", "ema-teacher", "mutual",
        "born-again",
        "tf-kd-self",
      ])
    #expect(DistillationFamily.all.filter(\.needsTransformers).map(\.name) == ["attn-distill"])
    #expect(
      DistillationFamily.all.filter { !$0.needsTeacher }.map(\.name) == [
        "tf-kd-reg", "be-your-own-teacher", "ema-teacher", "mutual", "born-again", "tf-kd-self",
      ])
  }

  @Test(arguments: DistillationFamily.all.map(\.name))
  func `a family's settings are accepted, and soft targets count in theirs only`(name: String) throws {
    var configuration = ExperimentConfiguration()
    try configuration.set("distill.alpha=0.25")
    try configuration.set("distill.terms=[hint=7]")
    let family = try DistillationFamily(named: name)
    let applied = try family.applied(to: configuration)
    let shares: [String: Double] = ["hinton": 0.25, "born-again": 0.25, "tf-kd-self": 0.1]
    let alpha: Double = shares[name] ?? 1
    let generations: [String: Int] = ["born-again": 3, "tf-kd-self": 1]
    #expect(applied.distill.alpha == alpha && family.softTargets == (alpha < 1))
    #expect(applied.distill.generations.value == generations[name])
    // Whoever needs no teacher has settings that need none, unless the generation before is one.
    let needs = KnowledgeDistillation.needsTeacher(applied.distill)
    #expect(needs == (family.needsTeacher || applied.distill.generations != .off))
    #expect(applied.distill.terms == family.terms && applied.distill.weightedTerms != nil)
  }

  @Test func `families can be joined, and an unknown one is refused with those there are`() throws {
    let both = try DistillationFamily(named: "hinton+rkd")
    #expect(both.name == "hinton+rkd" && both.softTargets && both.terms == ["distance=25.0", "angle=50.0"])
    #expect(try DistillationFamily(named: "mutual+ema-teacher").needsTeacher == false)
    #expect(try DistillationFamily(named: "mutual+hinton").needsTeacher)
    #expect(try DistillationFamily(named: "born-again+rkd").needsTeacher == false)
    for (name, words) in [
      ("hintin", "there is no family of distillation `hintin`; there are hinton, standardized"),
      ("rkd+rkd", "twice"), ("", "there is no family"), ("rkd+", "there is no family"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { try DistillationFamily(named: name) }
      #expect(error?.description.contains(words) == true, "\(name)")
    }
  }
}
