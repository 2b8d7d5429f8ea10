import Emanate
import Foundation
import TestSupport
import Testing

/// The method's own arithmetic; its losses have tests of their own.
@Suite struct KnowledgeDistillationTests {
  private static let classes = ["a", "b", "c"]

  private func configuration(_ teachers: [String], _ overrides: String...) throws -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=distillation", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "distill.teachers=[" + teachers.map { "\"\($0)\"" }.joined(separator: ", ") + "]",
    ] + overrides { try configuration.set(setting) }
    try configuration.check()
    return configuration
  }

  private let now = Moment(
    step: 3, epoch: 0, learningRate: 1e-2, weightDecay: 0, teacherMomentum: 1, teacherTemperature: 0.07,
    isLastLayerFrozen: false, clip: nil, peakLearningRate: 1e-2, progress: 0.1)

  private let views = Views(
    groups: [patchRows(of: hashFilled("views", [6, 3, 16, 16]), patch: 1)], globalViews: 1,
    samples: Array(0..<6))

  /// The loss of the batch and the gradients of all parameters, by name.
  private func gradients(
    _ configuration: ExperimentConfiguration, _ folder: ImageFolder, views: Views? = nil
  ) throws -> (loss: Float, gradients: [String: [Float]], method: KnowledgeDistillation) {
    var method = try KnowledgeDistillation(
      MethodMaterial(configuration, folder))
    var flat = Tensor(repeating: 0, method.student.flatShape)
    let tape = Tape()
    let loss = method.loss(views ?? self.views, Pass(method.student, tape: tape, mode: .training), now)
    tape.backward(from: loss, leavesInto: &flat)
    let values = flat.array
    return (
      loss.scalar,
      Dictionary(
        uniqueKeysWithValues: method.student.parameters.map {
          ($0.name, Array(values[$0.offset..<$0.offset + $0.shape.count]))
        }), method
    )
  }

  @Test func `at alpha 0 labels do not count, at alpha 1 the teacher does not, and between they are shares`()
    throws
  {
    let teacher = try TeacherFile(classes: Self.classes)
    let folder = try pictures(Self.classes)
    let found = try ["0", "1", "0.25"].map {
      try gradients(try configuration([teacher.path], "distill.alpha=\($0)"), folder)
    }
    for (name, soft) in found[0].gradients {
      let (hard, both) = (found[1].gradients[name]!, found[2].gradients[name]!)
      let scale = zip(soft, hard).map { abs($0) + abs($1) }.max() ?? 0
      for place in soft.indices {
        #expect(abs(both[place] - (0.75 * soft[place] + 0.25 * hard[place])) <= 2e-5 * scale, "\(name)")
      }
    }
    // The same pictures under other images' names, whose classes differ: only what learns from labels notices.
    let others = Views(groups: views.groups, globalViews: 1, samples: [6, 7, 8, 9, 10, 11])
    let renamed = try ["0", "1"].map {
      try gradients(try configuration([teacher.path], "distill.alpha=\($0)"), folder, views: others)
    }
    let (softIsSame, hardIsSame) = (
      renamed[0].gradients == found[0].gradients, renamed[1].gradients == found[1].gradients
    )
    #expect(softIsSame && !hardIsSame && renamed[0].loss == found[0].loss)
  }

  @Test func `the loss is the written-out sum of its measures, and no byte of the teacher changes`() throws {
    let teacher = try TeacherFile(classes: Self.classes)
    let before = teacher.bytes
    let configuration = try configuration(
      [teacher.path], "distill.terms=[hint=2, similarity=30, dist=0.5]", "distill.alpha=0.3")
    let found = try gradients(configuration, try pictures(Self.classes))
    let parts = Dictionary(uniqueKeysWithValues: found.method.measures.map { ($0.name, $0.value) })
    let expected =
      0.3 * parts["labelsLoss"]! + 0.7 * parts["softTargetsLoss"]! + 2 * parts["hintLoss"]!
      + 30 * parts["similarityLoss"]! + 0.5 * parts["distLoss"]!
    #expect(abs(Double(found.loss) - expected) < 1e-5 * abs(expected))
    #expect(teacher.bytes == before)
    let again = try Teacher(
      teacher.path, configuration.distill, classes: Self.classes, folder: "", preparation: .imageNet, patch: 1
    )
    let outputs = found.method.teachers[0].outputs(views.groups[0], layers: [])
    #expect(outputs.logits!.array == again.outputs(views.groups[0], layers: []).logits!.array)
  }

  @Test(arguments: TermRegistry.all.filter(\.kind.needsTeacher).map(\.name))
  func `every term has a finite loss that reaches the student and its own connectors`(name: String) throws {
    let comparesAttention = TermRegistry.entry(named: name)?.kind == .attention
    let teacher =
      comparesAttention
      ? try TeacherFile(
        classes: Self.classes,
        architecture: VisionTransformerSizes(width: 24, depth: 2, heads: 2, patch: 2, side: 16, registers: 1))
      : try TeacherFile(classes: Self.classes)
    func configuration(_ terms: String) throws -> ExperimentConfiguration {
      var chosen = try self.configuration([teacher.path], "distill.alpha=1", terms)
      if comparesAttention {
        try chosen.set("network.architecture=vit_micro")
        try chosen.set("network.patch=4")
      }
      return chosen
    }
    let views = Views(
      groups: [patchRows(of: hashFilled("views", [6, 3, 16, 16]), patch: comparesAttention ? 4 : 1)],
      globalViews: 1, samples: Array(0..<6))
    let folder = try pictures(Self.classes)
    let found = try gradients(try configuration("distill.terms=[\(name)=1]"), folder, views: views)
    let plain = try gradients(try configuration("distill.terms=[]"), folder, views: views)
    #expect(found.loss.isFinite && found.gradients.values.joined().allSatisfy(\.isFinite))
    let early = comparesAttention ? "blocks.0.attn.qkv.weight" : "conv1.weight"
    let slopes: [Float] = try #require(found.gradients[early])
    let isSame = slopes == plain.gradients[early]
    #expect(!isSame)
    for (parameter, slopes) in found.gradients where parameter.hasPrefix("connector.") {
      #expect(slopes.contains { $0 != 0 }, "\(parameter)")
    }
  }

  @Test func `a teacher of other order of classes, normalisation and patch sees the same pictures`() throws {
    let (teacher, turned) = (
      try TeacherFile(classes: ["a", "b", "c"]), try TeacherFile(classes: ["c", "a", "b"])
    )
    let folder = try pictures(Self.classes)
    let method = try gradients(try configuration([teacher.path, turned.path]), folder).method
    let outputs = method.teachers.map { $0.outputs(views.groups[0], layers: []).logits!.array }
    for row in 0..<6 {
      let (first, second) = (Array(outputs[0][3 * row..<3 * row + 3]), outputs[1][3 * row..<3 * row + 3])
      // The first teacher's logits for a, b, c are the second's for c, a, b.
      #expect(Array(second) == [first[1], first[2], first[0]])
    }

    let other = Normalization(mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7])
    let input = TeacherInput(from: .imageNet, patch: 4, to: other, patch: 8)
    let levels = hashFilled("levels", [2, 3, 16, 16])
    func normalized(_ with: Normalization) -> Tensor {
      Tensor(
        levels.array.enumerated().map { place, level in
          let channel = place / 256 % 3
          return (level - Float(with.mean[channel])) / Float(with.std[channel])
        }, levels.shape)
    }
    let given = input(patchRows(of: normalized(.imageNet), patch: 4))
    #expect(relativeError(given, patchRows(of: normalized(other), patch: 8)) < 1e-6)
  }

  @Test func `without pairs of layers those of equal size are compared as deep as can be, and it is said`()
    throws
  {
    let teacher = try TeacherFile(classes: Self.classes)
    let folder = try pictures(Self.classes)
    func found(_ settings: String...) throws -> (notes: [String], connectors: [String]) {
      var configuration = try configuration([teacher.path], "distill.terms=[hint=1, variational=1]")
      for setting in settings { try configuration.set(setting) }
      var method = try KnowledgeDistillation(MethodMaterial(configuration, folder))
      let names = method.student.parameters.map(\.name).filter { $0.hasPrefix("connector.hint") }
      return (try method.willStart(), names)
    }
    let same = try found()
    #expect(same.notes.count == 1 && same.notes[0].contains("student's `layer4.1` 2 x 2 x 32"))
    // MobileNetV2 halves five times, the teacher three.
    let other = try found("network.architecture=mobilenet_v2")
    #expect(
      other.notes.count == 1 && other.connectors == ["connector.hint.0.weight", "connector.hint.0.bias"])
    #expect(
      other.notes[0].contains(" 2 x 2 x ") && other.notes[0].contains("teacher's `layer4.0` 2 x 2 x 64"))
    #expect(try found("distill.layers=[\"layer1:layer1\"]").notes.isEmpty)
    #expect(try found("distill.terms=[distance=1]").notes.isEmpty)
  }

  @Test func `teachers without a classifier teach features, and leave the student without one`() throws {
    let teacher = try TeacherFile(classes: nil)
    let configuration = try configuration([teacher.path], "distill.terms=[hint=1, contrastive=1]")
    let found = try gradients(configuration, try pictures([]))
    #expect(found.method.classes.isEmpty && found.method.student.parameter(named: "fc.weight") == nil)
    #expect(found.gradients["conv1.weight"]!.contains { $0 != 0 })
  }

  @Test func `what does not fit together is refused with the names of both sides`() throws {
    let (teacher, features) = (try TeacherFile(classes: Self.classes), try TeacherFile(classes: nil))
    let folder = try pictures(Self.classes)
    func refusal(
      _ teachers: [TeacherFile], _ settings: String..., folder: ImageFolder
    ) throws -> String {
      var configuration = try configuration(teachers.map(\.path))
      for setting in settings { try configuration.set(setting) }
      let error = #expect(throws: (any Error).self) {
        _ = try KnowledgeDistillation(MethodMaterial(configuration, folder))
      }
      return error.map { "\($0)" } ?? ""
    }
    let other = try refusal([teacher], folder: try pictures(["a", "b", "d", "e"]))
    #expect(other.contains("a, b, d, e") && other.contains("a, b, c"))
    #expect(try refusal([], folder: folder).contains("`distill.teachers` is empty"))
    #expect(try refusal([teacher, features], folder: folder).contains(features.path))
    #expect(try refusal([features], folder: folder).contains("`distill.terms` must say what is compared"))
    #expect(
      try refusal([features], "distill.terms=[dist=1]", folder: folder).contains("which the teacher has not"))
    #expect(
      try refusal([teacher], "distill.terms=[hunt=1]", folder: folder).contains(
        "there is no such term; there are"))
    let twin = try refusal([teacher], "distill.sameArchitecture=true", folder: folder)
    #expect(twin.contains("not built as the teacher \(teacher.path)") && twin.contains("8 channels"))
    let layer = try refusal(
      [teacher], "distill.terms=[hint=1]", "distill.layers=[\"layer2:layer9\"]", folder: folder)
    #expect(layer.contains("the teacher \(teacher.path) has no layer `layer9`; it has layer1.0, layer2.0"))
    let sizes = try refusal(
      [teacher], "distill.terms=[hint=1]", "distill.layers=[\"layer2:layer3\"]", folder: folder)
    #expect(sizes.contains("student's `layer2` 8 x 8 x 8") && sizes.contains("teacher's `layer3` 4 x 4 x 32"))
    for bad in ["distill.terms=[hint]", "distill.terms=[hint=-1]", "distill.layers=[layer2]"] {
      #expect(throws: ConfigurationError.self) { try configuration([teacher.path], bad) }
    }
  }
}
