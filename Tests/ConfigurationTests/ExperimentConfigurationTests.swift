import EmanateConfiguration
import EmanateNetworks
import EmanateImages
import Foundation
import Testing

private let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
  .standardized

@Suite("Configuration")
struct ExperimentConfigurationTests {
  /// With EMANATE_REGENERATE set in the environment, the file is written anew.
  @Test("configs/defaults.yaml is the defaults with what each key means and allows")
  func defaults() throws {
    let file = repository.appending(path: "configs/defaults.yaml")
    let text = "# Every key, its default, and what it allows.\n\n" + ExperimentConfiguration().annotatedYAML
    if ProcessInfo.processInfo.environment["EMANATE_REGENERATE"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
    #expect(try ExperimentConfiguration.load(files: [file.path]) == ExperimentConfiguration())
  }

  @Test(
    "Every file of configs is read and is embedded",
    arguments: ["defaults", "quickstart", "pretrain/dino-fashion", "pretrain/dino-resnet-fashion"])
  func shipped(name: String) throws {
    let file = repository.appending(path: "configs/\(name).yaml")
    #expect(try Resource.text(named: name, in: .configs) == String(contentsOf: file, encoding: .utf8))
    #expect(
      try ExperimentConfiguration.load(files: [name]) == ExperimentConfiguration.load(files: [file.path]))
  }

  @Test("No YAML file is forgotten among the embedded ones")
  func embedded() throws {
    for (folder, place) in [(Resource.Folder.configs, "configs"), (.recipes, "augmentations/recipes")] {
      let files = FileManager.default.enumerator(atPath: repository.appending(path: place).path)
      var names: [String] = []
      while let name = files?.nextObject() as? String {
        if name.hasSuffix(".yaml") { names.append(String(name.dropLast(5))) }
      }
      #expect(Resource.names(in: folder).sorted() == names.sorted())
    }
  }

  @Test("What is written is read back, whatever was changed")
  func roundTrip() throws {
    let changed = try ExperimentConfiguration.load(
      files: ["pretrain/dino-fashion"],
      overrides: [
        "optimizer.clip=off", "data.views.globalArea=[0.3, 1]", "data.views.locals=0", "network.width=48",
        "network.heads=2", "training.steps=17", "dino.centering=off", "data.recipe=my \"own\" recipe.yaml",
        "training.finalLearningRate=1e-7", "head.normLastLayer=false", "data.orientation=apply",
        "data.alpha=over", "data.background=[1, 20, 255]", "optimizer.name=lars", "optimizer.larsRatio=sum",
        "optimizer.undecayed=[cls_token, \"a name\"]", "training.schedule=linear", "ema.halfLifeImages=12000",
      ])
    for configuration in [ExperimentConfiguration(), changed] {
      var again = ExperimentConfiguration()
      try again.merge(yaml: configuration.yaml, source: "text")
      #expect(again == configuration)
      #expect(again.yaml == configuration.yaml)
      #expect(again.hash == configuration.hash)
      let encoded = try JSONEncoder().encode([configuration])
      #expect(try JSONDecoder().decode([ExperimentConfiguration].self, from: encoded) == [configuration])
    }
    #expect(changed.hash != ExperimentConfiguration().hash && changed.hash.count == 16)
    #expect(changed.optimizer.clip == .off)
    #expect(changed.data.views.globalArea == .override(0.3...1))
    #expect((changed.network.chosen as? VisionTransformerSizes)?.summary == "48 wide, 6 blocks, 2 heads")
    #expect(changed.optimizer.undecayed == ["cls_token", "a name"])
    #expect(changed.ema.halfLifeImages == .on(12_000))
    #expect(changed.imageDecoder.alpha == .over(Color(red: 1, green: 20, blue: 255)))
    #expect(ExperimentConfiguration().imageDecoder.alpha == .drop)
  }

  @Test("Steps and epochs are one setting: the later one given wins")
  func stepsAndEpochs() throws {
    var configuration = try ExperimentConfiguration.load(overrides: ["training.steps=50"])
    #expect(configuration.training.steps == .on(50))
    try configuration.merge(yaml: "training: {epochs: 3}", source: "file")
    #expect(configuration.training.steps == .off && configuration.training.epochs == 3)
    try configuration.merge(yaml: "training: {epochs: 3, steps: 20}", source: "file")
    #expect(configuration.training.steps == .on(20))
    try configuration.merge(yaml: "training: {steps: 20, epochs: 4}", source: "file")
    #expect(configuration.training.steps == .off)
  }

  @Test("The teacher's momentum and its half-life are one setting: the later one given wins")
  func momentumAndHalfLife() throws {
    var configuration = try ExperimentConfiguration.load(overrides: ["ema.halfLifeImages=11000"])
    #expect(abs(configuration.ema.momentum(batchSize: 64) - 0.995975) < 1e-6)
    try configuration.set("ema.momentum=0.9")
    #expect(configuration.ema.halfLifeImages == .off && configuration.ema.momentum(batchSize: 64) == 0.9)
  }

  @Test("Each difference is named with both values")
  func differences() throws {
    let one = try ExperimentConfiguration.load(overrides: ["training.batchSize=8"])
    let differences = one.differences(from: ExperimentConfiguration())
    #expect(differences.map(\.path) == ["training.batchSize"])
    #expect(differences[0].value == "8" && differences[0].otherValue == "64")
  }

  static let refused: [(text: String, parts: [String])] = [
    ("training.batchSzie=3", ["--set", "training.batchSzie", "did you mean `training.batchSize`"]),
    ("batchSize=3", ["`batchSize`", "did you mean `training.batchSize`"]),
    ("trainig.epochs=3", ["did you mean `training.epochs`"]),
    ("training.batchSize=many", ["`training.batchSize` is many", "a whole number from 1 to"]),
    ("training.batchSize=1.5", ["a whole number"]),
    ("training.batchSize=0", ["from 1 to"]),
    ("training.batchSize=[1, 2]", ["[1, 2]"]),
    ("training.batchSize={a: 1}", ["is a value, not a section"]),
    ("training=3", ["is a section"]),
    ("training.batchSize", ["key=value"]),
    ("=3", ["key=value"]),
    ("ema.momentum=1.1", ["`ema.momentum` is 1.1", "from 0 to 1"]),
    ("ema.momentum=nan", ["a number"]),
    ("optimizer.clip=0", ["`off` or a number above 0"]),
    ("dino.centering=none", ["one of ema, sinkhorn, off"]),
    ("data.alpha=under", ["one of drop, over"]),
    ("data.background=[1, 2, 256]", ["[red, green, blue], each from 0 to 255"]),
    ("data.background=[1, 2]", ["[red, green, blue]"]),
    ("data.background=white", ["`data.background` is white"]),
    ("head.normLastLayer=yes", ["true or false"]),
    ("data.views.globalArea=[1, 0.4]", ["[smallest, largest]"]),
    ("data.views.globalArea=[0.4, 1.5]", ["at most 1"]),
    ("network.heads=5", ["`network.heads` is 5", "192"]),
    ("network.patch=15", ["`network.side` is 224", "15"]),
    ("training.batchParts=65", ["`training.batchParts` is 65", "`training.batchSize`, 64"]),
    ("training.recompute=1", ["true or false"]),
    ("data.recipe=", ["data.recipe"]),
    ("training.epochs={", ["not YAML"]),
    ("optimizer.name=adam", ["one of adamw, sgd, lars"]),
    (
      "optimizer.nesterov=true", ["`optimizer.nesterov` is true", "`optimizer.name` is sgd or lars", "adamw"]
    ),
    ("optimizer.trustCoefficient=0.02", ["`optimizer.trustCoefficient` is 0.02", "lars; it is adamw"]),
    ("optimizer={name: sgd, beta2: 0.99}", ["`optimizer.beta2` is 0.99", "adamw; it is sgd"]),
    ("optimizer={name: sgd, larsClip: true}", ["`optimizer.larsClip` is true", "lars; it is sgd"]),
    ("optimizer={name: lars, larsClip: true}", ["`optimizer.larsClip`", "`optimizer.larsRatio` is sum"]),
    ("optimizer={name: sgd, momentum: 0, nesterov: true}", ["`optimizer.momentum` is 0"]),
    (
      "optimizer={clip: off, clipping: global}",
      ["`optimizer.clipping` is global", "`optimizer.clip` is off"]
    ),
    ("optimizer.layerDecay=1.1", ["above 0, at most 1"]),
    ("optimizer.undecayed=cls_token", ["`optimizer.undecayed` is cls_token", "a list, each a name"]),
    ("training.schedule=step", ["`training.decayEpochs` is empty"]),
    ("training.decayEpochs=[60, 80]", ["`training.decayEpochs` is [60, 80]", "step; it is cosine"]),
    ("training={schedule: step, finalLearningRate: 0, decayEpochs: [3]}", ["`training.finalLearningRate`"]),
    ("training={schedule: step, decayEpochs: [80, 60]}", ["[80, 60], not in rising order"]),
    ("training={schedule: step, decayEpochs: [0]}", ["`training.decayEpochs` is [0]", "1 to"]),
    ("training={schedule: constant, end: reached}", ["`training.end` is reached", "cosine or linear"]),
    ("training={scaling: none, scalingBatch: 1024}", ["`training.scalingBatch` is 1024", "linear or sqrt"]),
    (
      "ema={schedule: constant, finalMomentum: 0.99}",
      ["`ema.finalMomentum` is 0.99", "cosine; it is constant"]
    ),
  ]

  @Test(
    "What cannot be used is refused with source, key, value and what is allowed", arguments: refused.indices)
  func refuses(index: Int) {
    let (text, parts) = Self.refused[index]
    do throws(ConfigurationError) {
      _ = try ExperimentConfiguration.load(overrides: [text])
      Issue.record("\(text) was accepted")
    } catch {
      for part in parts { #expect(error.description.contains(part)) }
    }
  }

  @Test(
    "A file at fault is named",
    arguments: ["training: {batchSize: x}", "a: [", "- 1", "trainin: {epochs: 1}"])
  func files(text: String) throws {
    var configuration = ExperimentConfiguration()
    do throws(ConfigurationError) {
      try configuration.merge(yaml: text, source: "mine.yaml")
      Issue.record("accepted")
    } catch {
      #expect(error.description.hasPrefix("mine.yaml: "))
    }
  }

  @Test("An unknown file is refused with what names the embedded ones, and an empty text changes nothing")
  func unknownFile() throws {
    do throws(ConfigurationError) {
      _ = try ExperimentConfiguration.load(files: ["nowhere/at-all.yaml"])
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains("emanate list configs"))
    }
    var configuration = ExperimentConfiguration()
    for text in ["", "# nothing\n", "training:\n", "---\n"] {
      try configuration.merge(yaml: text, source: "text")
    }
    #expect(configuration == ExperimentConfiguration())
  }
}
