import EmanateConfiguration
import EmanateImages
import EmanateKernels
import EmanateTraining
import Foundation
import Testing

/// Runs whose teachers' outputs are kept on disk.
@Suite(.serialized) struct TeacherCacheTests {
  let scratch = Scratch()
  private var cache: String { scratch.path + "/cache" }

  /// Twelve pictures of two classes that differ in brightness.
  private func pictures() throws -> String {
    for place in 0..<12 {
      let isBright = place % 2 == 0
      let folder = "\(scratch.path)/data/\(isBright ? "bright" : "dark")"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      var generator = KeyedGenerator(seed: 5, purpose: .views, place)
      let pixels = (0..<16 * 16 * 3).map { _ in UInt8(generator.index(below: 100) + (isBright ? 150 : 0)) }
      try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(folder)/\(place).png")
    }
    return scratch.path + "/data"
  }

  private func configuration(_ method: String, steps: Int, _ overrides: [String]) throws
    -> ExperimentConfiguration
  {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=\(method)", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "data.recipe=supervised-plain", "data.views.globalSide=16", "training.batchSize=4",
      "training.steps=\(steps)", "training.warmupEpochs=0", "training.learningRate=0.3",
    ] + overrides { try configuration.set(setting) }
    try configuration.check()
    return configuration
  }

  private func teacher(_ data: String, named name: String = "teacher", _ overrides: String...) throws
    -> String
  {
    let path = "\(scratch.path)/\(name)"
    try pretrain(
      try configuration("supervised", steps: 2, ["network.channels=8"] + overrides), data: data, run: path)
    return path
  }

  /// A student's metrics after four epochs, and what the run said of its cache.
  private func taught(
    _ teachers: [String], _ data: String, run: String = UUID().uuidString, cached: Bool, _ overrides: [String]
  ) throws -> (metrics: Data, notes: [String]) {
    let notes = Notes()
    let path = "\(scratch.path)/\(run)"
    let names = teachers.map { "\"\($0)\"" }.joined(separator: ", ")
    try pretrain(
      try configuration(
        "distillation", steps: 12,
        ["distill.teachers=[\(names)]", "data.views.fixed=2", "data.preparation=teacher"]
          + (cached ? ["distill.cache=\(cache)"] : []) + overrides), data: data, run: path, observer: notes)
    return (try Data(contentsOf: URL(filePath: RunFolder(path).metrics)), notes.notes)
  }

  private func holds(_ count: Int, _ notes: [String]) -> Bool {
    notes.contains { $0.contains("which holds \(count) views of images") }
  }

  @Test(arguments: [[], ["distill.terms=[hint=1, similarity=30]"], ["distill.terms=[contrastive=0.8]"]])
  func `losses are equal, bit for bit, without a cache, with a new one and with a full one`(
    overrides: [String]
  ) throws {
    let data = try pictures()
    let teachers = [try teacher(data)]
    let plain = try taught(teachers, data, cached: false, overrides)
    let new = try taught(teachers, data, cached: true, overrides)
    let full = try taught(teachers, data, cached: true, overrides)
    #expect(new.metrics == plain.metrics && full.metrics == plain.metrics)
    #expect(holds(0, new.notes) && holds(24, full.notes))
    // Another seed and other terms of the same outputs find all there is.
    let other = try taught(teachers, data, cached: true, overrides + ["seed=3", "distill.temperature=2"])
    let alone = try taught(teachers, data, cached: false, overrides + ["seed=3", "distill.temperature=2"])
    #expect(holds(24, other.notes) && other.metrics == alone.metrics && other.metrics != plain.metrics)
  }

  @Test func `several teachers, a vision transformer among them, are kept as well`() throws {
    let data = try pictures()
    let teachers = [
      try teacher(data), try teacher(data, named: "second", "seed=4", "network.channels=6"),
      try teacher(
        data, named: "third", "network.architecture=vit_tiny", "network.width=32", "network.depth=2",
        "network.heads=2", "network.patch=4"),
    ]
    let overrides = ["distill.terms=[hint=1]"]
    let plain = try taught(teachers, data, cached: false, overrides)
    _ = try taught(teachers, data, cached: true, overrides)
    let full = try taught(teachers, data, cached: true, overrides)
    #expect(holds(24, full.notes) && full.metrics == plain.metrics)
  }

  @Test func `a cache that was cut short or damaged costs time only`() throws {
    let data = try pictures()
    let teachers = [try teacher(data)]
    let overrides = ["distill.terms=[hint=1, distance=25]"]
    let plain = try taught(teachers, data, cached: true, overrides)
    let files = try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasSuffix(".rows") }
    #expect(files.count == 3)
    for file in files {
      let path = "\(cache)/\(file)"
      let whole = try Data(contentsOf: URL(filePath: path))
      var damaged = whole
      for place in stride(from: whole.count / 24 - 2, to: whole.count, by: whole.count / 12) {
        damaged[place] ^= 32
      }
      for bytes in [damaged, whole.prefix(whole.count / 3), Data()] {
        try bytes.write(to: URL(filePath: path))
        #expect(try taught(teachers, data, cached: true, overrides).metrics == plain.metrics)
      }
    }
    #expect(holds(24, try taught(teachers, data, cached: true, overrides).notes))
  }

  @Test func `a picture that changes is taught anew`() throws {
    let data = try pictures()
    let teachers = [try teacher(data)]
    _ = try taught(teachers, data, cached: true, [])
    let pixels = (0..<16 * 16 * 3).map { UInt8($0 % 251) }
    try PNGEncoder().write(Image(width: 16, height: 16, pixels: pixels), to: "\(data)/dark/1.png")
    let changed = try taught(teachers, data, cached: true, [])
    #expect(try changed.metrics == taught(teachers, data, cached: false, []).metrics)
  }

  @Test func `a cache of other weights or views is refused before training, with both sides named`() throws {
    let data = try pictures()
    let (first, second) = (try teacher(data), try teacher(data, named: "second", "seed=4"))
    _ = try taught([first], data, cached: true, [])
    func refusal(_ teachers: [String], _ overrides: [String] = []) -> String {
      let error = #expect(throws: (any Error).self) {
        _ = try taught(teachers, data, run: "never", cached: true, overrides)
      }
      #expect(!FileManager.default.fileExists(atPath: scratch.path + "/never"))
      return error.map { "\($0)" } ?? ""
    }
    let weights = refusal([second])
    #expect(
      weights.contains("\(cache) holds the outputs of \(first)") && weights.contains("not of \(second)"))
    #expect(refusal([first, second]).contains("not of \(first)"))
    #expect(refusal([first], ["data.mode=exact"]).contains("data.mode was fast, not exact"))
    #expect(
      refusal([first], ["data.views.globalArea=[0.5, 1]"]).contains("data.views.globalArea was recipe, not"))
    // More views of an image are more rows of the same cache.
    #expect(try holds(24, taught([first], data, cached: true, ["data.views.fixed=3"]).notes))

    let error = #expect(throws: ConfigurationError.self) {
      _ = try configuration(
        "distillation", steps: 2, ["distill.teachers=[\(first)]", "distill.cache=\(cache)"])
    }
    #expect(error?.description.contains("`data.views.fixed` is off") == true)
    try Data("{}".utf8).write(to: URL(filePath: cache + "/teacher-cache.json"))
    #expect(refusal([first]).contains("teacher-cache.json cannot be read"))
    try FileManager.default.removeItem(atPath: cache + "/teacher-cache.json")
    #expect(refusal([first]).contains("holds something other than a teacher cache"))
  }
}
