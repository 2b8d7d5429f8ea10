import EmanateConfiguration
import Testing

@Suite struct ChainConfigurationTests {
  private func refusal(_ yaml: String, _ overrides: [String] = []) -> String {
    let error = #expect(throws: ConfigurationError.self) {
      var chain = try ChainConfiguration(yaml: yaml, source: "chain.yaml")
      chain = overrides.isEmpty ? chain : try ChainConfiguration(file: nil, overrides: overrides)
      for stage in ChainConfiguration.Stage.allCases { _ = try chain.settings(of: stage) }
    }
    return error?.description ?? ""
  }

  @Test func `a section is a configuration's name, settings, or settings over a configuration`() throws {
    let chain = try ChainConfiguration(
      yaml: """
        data: photos
        train: [a, b]
        test: c
        pretrain: pretrain/dino-resnet-fashion
        finetune:
          training: {epochs: 3}
        distill:
          config: distill/rkd
          distill: {alpha: 0.5}
        """, source: "chain.yaml")
    #expect(chain.data == ["photos"] && chain.train == ["a", "b"] && chain.test == "c")
    #expect(
      try chain.settings(of: .pretrain)
        == ExperimentConfiguration.load(files: ["pretrain/dino-resnet-fashion"]))
    let finetune = try chain.settings(of: .finetune, files: ["finetune/default"], further: ["seed=4"])
    #expect(finetune.method == "supervised" && finetune.training.epochs == 3 && finetune.seed == 4)
    let distill = try chain.settings(
      of: .distill, chosen: [("distill.teachers: [t]\ndistill.temperature: 2\n", "chosen")],
      files: ["distill/default"])
    #expect(distill.distill.terms == ["distance=25", "angle=50"] && distill.distill.alpha == 0.5)
    #expect(distill.distill.teachers == ["t"] && distill.distill.temperature == 2)
  }

  @Test func `without a file every stage is as in its own command, and --set names the stage`() throws {
    let chain = try ChainConfiguration(
      file: nil, overrides: ["distill.distill.alpha=0.3", "pretrain.training.steps=5", "distill.seed=2"])
    #expect(try chain.settings(of: .pretrain).training.steps == .on(5))
    #expect(try chain.settings(of: .finetune) == ExperimentConfiguration())
    #expect(try chain.settings(of: .distill).distill.alpha == 0.3)
    #expect(chain.overrides(of: .distill) == ["distill.alpha=0.3", "seed=2"])
    #expect(chain.overrides(of: .finetune).isEmpty)
    #expect(chain.data.isEmpty && chain.train.isEmpty && chain.test == nil)
  }

  static let refused: [(yaml: String, parts: [String])] = [
    ("train: a\nfintune: x", ["chain.yaml, line 2: unknown key `fintune`", "pretrain, finetune, distill"]),
    (
      "distill:\n  distill:\n    alpah: 1",
      ["chain.yaml, line 3: unknown key `distill.distill.alpah`", "did you mean `distill.distill.alpha`"]
    ),
    (
      "finetune:\n  config: finetune/default\n  training: {steps: many}",
      ["chain.yaml, line 3: `finetune.training.steps` is many", "a whole number"]
    ),
    ("pretrain: {training: 3}", ["chain.yaml, line 1: `pretrain.training` is a section"]),
    ("pretrain: [a]", ["chain.yaml, line 1: `pretrain` is a configuration's name"]),
    ("pretrain: {config: [a]}", ["`pretrain.config` is the name of a configuration"]),
    ("pretrain: nowhere", ["nowhere: cannot be read"]),
    ("\ntest: [a, b]", ["chain.yaml, line 2: `test` is one folder"]),
    ("data: {recipe: dino}", ["`data` is a folder, or a list of folders"]),
    ("finetune: {validation: {patience: 2}}", ["finetune: `validation.patience` is 2"]),
    ("- a", ["chain.yaml: a mapping"]),
    ("a: [", ["chain.yaml: not YAML"]),
  ]

  @Test(arguments: refused.indices)
  func `what a chain does not have is refused with its line`(index: Int) {
    let (yaml, parts) = Self.refused[index]
    let message = refusal(yaml)
    for part in parts { #expect(message.contains(part), "\(message)") }
  }

  @Test(arguments: [
    ("training.steps=5", "is not of the form STAGE.key=value"), ("distill", "STAGE.key=value"),
    ("distill.alpha=1", "--set: unknown key `distill.alpha`; did you mean `distill.distill.alpha`?"),
  ])
  func `--set without a stage, or with the key of another, is refused`(setting: String, words: String) {
    let message = refusal("", [setting])
    #expect(message.contains(words), "\(message)")
  }

  @Test func `what is written to go on with reads back as the same stages`() throws {
    let chain = try ChainConfiguration(
      file: "chain/fashion", overrides: ["finetune.data.recipe=my \"own\".yaml", "distill.training.steps=7"])
    let stages = ChainConfiguration.Stage.allCases
    let settings = try stages.map { try chain.settings(of: $0) }
    let text = ChainConfiguration.yaml(
      data: ["my photos", "b"], train: ["c"], test: "d: e",
      stages: zip(stages, settings).map { (stage: $0, settings: $1) })
    let again = try ChainConfiguration(yaml: text, source: "chain.yaml")
    #expect(again.data == ["my photos", "b"] && again.train == ["c"] && again.test == "d: e")
    for (stage, settings) in zip(stages, settings) {
      #expect(try again.settings(of: stage, files: ["quickstart"]) == settings)
    }
  }

  @Test(arguments: ["chain/fashion", "chain/quickstart"])
  func `the embedded chains have all stages and a student of less than a quarter of the channels squared`(
    name: String
  ) throws {
    let chain = try ChainConfiguration(file: name)
    let (pretrain, distill) = (try chain.settings(of: .pretrain), try chain.settings(of: .distill))
    let channels = try [pretrain, distill].map { try #require($0.network.channels.value) }
    #expect(4 * channels[1] * channels[1] < channels[0] * channels[0])
    #expect(pretrain.network.architecture == distill.network.architecture)
    #expect(pretrain.network.stem == distill.network.stem)
    #expect(try chain.settings(of: .finetune) != ExperimentConfiguration())
  }

  @Test(arguments: [
    (trained: 20.0, temperature: 20.0, twin: true, scaled: false, says: false),
    (trained: 20.0, temperature: 4.0, twin: true, scaled: false, says: true),
    (trained: 1.0, temperature: 20.0, twin: true, scaled: false, says: true),
    (trained: 20.0, temperature: 4.0, twin: false, scaled: true, says: true),
    (trained: 1.0, temperature: 4.0, twin: false, scaled: true, says: false),
    (trained: 1.0, temperature: 4.0, twin: true, scaled: true, says: false),
  ])
  func `temperatures that differ are said where they point to defensive distillation`(
    trained: Double, temperature: Double, twin: Bool, scaled: Bool, says: Bool
  ) {
    var settings = ExperimentConfiguration().distill
    (settings.temperature, settings.sameArchitecture, settings.scaleByT2) = (temperature, twin, scaled)
    let note = settings.temperatureNote(teacher: "runs/t", trainedAt: trained)
    #expect((note != nil) == says)
    #expect(note?.contains("runs/t was trained at temperature \(trained)") ?? true)
    #expect(note?.contains("\(temperature) (distill.temperature)") ?? true)
  }
}
