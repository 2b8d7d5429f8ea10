import EmanateConfiguration
import EmanateImages
import EmanateKernels
import EmanateMethods
import EmanateTraining
import Foundation
import Testing

/// Every family's configuration, as it is embedded, in a run of two steps.
@Suite(.serialized) struct DistillationConfigurationRunTests {
  static let families = [
    "hinton", "standardized", "dist", "decoupled", "hints", "attention", "vid", "rkd", "similarity", "pkt",
    "correlation", "crd", "label-free", "teachers",
  ]
  private let scratch = Scratch()
  private let thin = [
    "network.architecture=resnet18", "network.stem=cifar", "network.side=16", "data.views.globalSide=16",
    "data.views.locals=0", "training.batchSize=4", "training.steps=2", "training.warmupEpochs=0",
  ]

  /// Pictures in two class folders.
  private func pictures() throws -> String {
    for number in 0..<12 {
      let folder = scratch.path + "/pictures/" + (number % 2 == 0 ? "even" : "odd")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      var generator = KeyedGenerator(seed: 3, purpose: .views, number)
      let pixels = (0..<16 * 16 * 3).map { _ in UInt8(generator.index(below: 256)) }
      try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(folder)/\(number).png")
    }
    return scratch.path + "/pictures"
  }

  private func teacher(_ name: String, files: [String], _ further: [String], data: String) throws -> String {
    let settings = try ExperimentConfiguration.load(
      files: files, overrides: thin + ["network.channels=8"] + further)
    try pretrain(settings, data: data, run: "\(scratch.path)/\(name)")
    return "\(scratch.path)/\(name)"
  }

  private func measures(
    _ name: String, teachers: [String], data: String, _ further: [String] = []
  ) throws -> [String: Double] {
    let settings = try ExperimentConfiguration.load(
      files: ["distill/default", "distill/\(name)"],
      overrides: thin + [
        "network.channels=4", "data.preparation=teacher",
        "distill.teachers=\(SettingText.list(teachers).description)",
      ] + further)
    // Each in a folder of its own: one that holds a run is refused before anything else.
    let run = "\(scratch.path)/\(name)-\(UUID().uuidString)"
    try pretrain(settings, data: data, run: run)
    let lines = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let object = try JSONSerialization.jsonObject(with: Data(try #require(lines.last).utf8))
    return try #require(object as? [String: Any]).compactMapValues { $0 as? Double }
  }

  @Test func `each trains a student by the losses that it names`() throws {
    let data = try pictures()
    let teachers = try ["first", "second"].enumerated().map { seed, name in
      try teacher(
        name, files: ["finetune/default"], ["seed=\(seed)", "validation.share=off"], data: data)
    }
    for name in Self.families {
      let found = try measures(
        name, teachers: name == "teachers" ? teachers : [teachers[0]], data: data)
      let settings = try ExperimentConfiguration.load(files: ["distill/default", "distill/\(name)"]).distill
      let terms = try #require(settings.weightedTerms).map(\.name)
      let losses =
        terms.map { $0 + "Loss" } + (settings.alpha > 0 ? ["labelsLoss"] : [])
        + (settings.alpha < 1 ? ["softTargetsLoss"] : [])
      #expect(Set(found.keys.filter { $0.hasSuffix("Loss") }) == Set(losses), "\(name)")
      for loss in losses + ["loss", "gradientNorm"] {
        #expect(found[loss]?.isFinite == true, "\(name): \(loss)")
      }
    }
  }

  @Test func `the one without labels takes a teacher without a classifier`() throws {
    let data = try pictures()
    let features = try teacher(
      "features", files: [],
      ["head.prototypes=8", "head.hidden=8", "head.bottleneck=4", "data.recipe=pair-whole"], data: data)
    let found = try measures("label-free", teachers: [features], data: data + "/even")
    #expect(found["distanceLoss"]?.isFinite == true && found["labelsLoss"] == nil)
  }

  @Test func `transformers' attention is compared, and of others refused with what they are`() throws {
    let data = try pictures()
    let transformer = [
      "network.architecture=vit_micro", "network.patch=4", "network.side=16", "data.views.globalSide=16",
    ]
    let seeing = try teacher(
      "seeing", files: ["finetune/default"],
      transformer + ["network.registers=2", "network.channels=64", "validation.share=off"], data: data)
    let found = try measures("attn-distill", teachers: [seeing], data: data, transformer)
    let loss = try #require(found["classAttentionLoss"])
    #expect(loss > 0 && loss.isFinite && found["gradientNorm"]?.isFinite == true)
    let error = #expect(throws: ConfigurationError.self) {
      try measures("attn-distill", teachers: [seeing], data: data, ["network.patch=1"])
    }
    #expect(
      error?.description.contains("the student has no class token") == true, "\(String(describing: error))")
    let coarse = try teacher(
      "coarse", files: ["finetune/default"],
      transformer + ["network.patch=8", "network.channels=64", "validation.share=off"], data: data)
    let misfit = #expect(throws: ConfigurationError.self) {
      try measures("attn-distill", teachers: [coarse], data: data, transformer)
    }
    #expect(misfit?.description.contains("3 heads over 4 x 4 patches") == true)
  }

  @Test func `every family of a sweep has a configuration of its name with its terms`() throws {
    // Born from one network alone, or from several that learn together, others come without a teacher's terms.
    for family in DistillationFamily.all where Self.families.contains(family.name) {
      let settings = try ExperimentConfiguration.load(files: ["distill/default", "distill/\(family.name)"])
      let names = family.terms.map { $0.prefix { $0 != "=" } }
      #expect(settings.distill.weightedTerms?.map(\.name) == names.map(String.init), "\(family.name)")
    }
    let named = Set(DistillationFamily.all.map(\.name)).intersection(Self.families)
    #expect(named.count == 12)
  }
}
