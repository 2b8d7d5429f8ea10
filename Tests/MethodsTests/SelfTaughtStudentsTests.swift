import Emanate
import Foundation
import TestSupport
import Testing

/// Students that teach themselves or one another: terms that need no teacher.
@Suite struct SelfTaughtStudentsTests {
  private static let classes = ["a", "b", "c"]
  private static let own = TermRegistry.all.filter { !$0.kind.needsTeacher }.map(\.name)

  private func configuration(_ overrides: [String]) throws -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=distillation", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "distill.alpha=1",
    ] + overrides { try configuration.set(setting) }
    try configuration.check()
    return configuration
  }

  private func made(_ overrides: String...) throws -> KnowledgeDistillation {
    try KnowledgeDistillation(MethodMaterial(try configuration(overrides), try pictures(Self.classes)))
  }

  private let now = Moment(
    step: 3, epoch: 0, learningRate: 1e-2, weightDecay: 0, teacherMomentum: 0.5, teacherTemperature: 0.07,
    isLastLayerFrozen: false, clip: nil, peakLearningRate: 1e-2, progress: 0.1)

  private let views = Views(
    groups: [patchRows(of: hashFilled("views", [6, 3, 16, 16]), patch: 1)], globalViews: 1,
    samples: Array(0..<6))

  /// The loss of the batch and the gradients of all parameters, by name.
  private func gradients(_ method: inout KnowledgeDistillation) -> (loss: Float, gradients: [String: [Float]])
  {
    var flat = Tensor(repeating: 0, method.student.flatShape)
    let tape = Tape()
    let loss = method.loss(views, Pass(method.student, tape: tape, mode: .training), now)
    tape.backward(from: loss, leavesInto: &flat)
    let pairs = method.student.parameters.map { ($0.name, flat[of: $0].array) }
    return (loss.scalar, Dictionary(uniqueKeysWithValues: pairs))
  }

  private func plain() throws -> (loss: Float, gradients: [String: [Float]]) {
    // The teacher's own share is nothing here.
    let teacher = try TeacherFile(classes: Self.classes)
    var method = try made("distill.teachers=[\"\(teacher.path)\"]")
    return gradients(&method)
  }

  @Test(arguments: own)
  func `every term without a teacher has a finite loss beside the labels', which reaches all that it adds`(
    name: String
  ) throws {
    var method = try made("distill.terms=[\(name)=2]")
    #expect(method.teachers.isEmpty && method.classes == Self.classes)
    if let average = method.networks.first?.store {
      // As it will be after the first steps: not the student itself.
      for parameter in average.parameters {
        average.set(parameter, to: hashFilled(parameter.name, parameter.shape))
      }
    }
    let (found, plain) = (gradients(&method), try plain())
    #expect(found.loss.isFinite && found.gradients.values.joined().allSatisfy(\.isFinite))
    let parts = Dictionary(uniqueKeysWithValues: method.measures.map { ($0.name, $0.value) })
    #expect(abs(parts["labelsLoss"]! - Double(plain.loss)) < 1e-6)
    let sum = parts["labelsLoss"]! + 2 * parts["\(name)Loss"]!
    #expect(parts.count == 2 && abs(Double(found.loss) - sum) < 1e-5 * abs(sum))
    let isSame = found.gradients["conv1.weight"] == plain.gradients["conv1.weight"]
    #expect(!isSame)
    for (parameter, slopes) in found.gradients where parameter.hasPrefix("connector.") {
      #expect(slopes.contains { $0 != 0 }, "\(parameter)")
    }
  }

  @Test func `a peer with the student's own weights agrees with it, and both learn from labels alone`() throws
  {
    var method = try made("distill.terms=[peers=1]")
    let store = method.student
    for parameter in store.parameters where !parameter.name.hasPrefix("connector.") {
      let peer = try #require(store.parameter(named: "connector.peers.1." + parameter.name))
      #expect(
        parameter.name.hasSuffix("bias") || store[peer].array != store[parameter].array
          || parameter.shape.rank == 1)
      store.set(peer, to: store[parameter].copied())
    }
    let (found, plain) = (gradients(&method), try plain())
    #expect(abs(found.loss - 2 * plain.loss) < 1e-5)
    for (name, slopes) in plain.gradients {
      #expect(found.gradients[name] == slopes, "\(name)")
      #expect(found.gradients["connector.peers.1." + name] == slopes, "\(name)")
    }
  }

  @Test func `peers of other architectures are named with their weights, and stand apart from the student's`()
    throws
  {
    var method = try made("distill.terms=[peers=1]", "distill.peers.networks=[same, mobilenet_v2, vit_tiny]")
    #expect(method.companions.map(\.name) == ["peer-1", "peer-2", "peer-3"])
    #expect(
      method.companions[0].architecture.metadata
        == ResNetSizes(
          .basic, [2, 2, 2, 2], stem: .cifar, channels: 4, side: 16
        ).metadata)
    for companion in method.companions {
      let scope = ParameterScope()
      _ = companion.architecture.backbone(scope)
      for wanted in scope.parameters {
        let found = try #require(method.student.parameter(named: companion.prefix + wanted.name))
        #expect(found.shape == wanted.shape)
      }
      #expect(method.student.parameter(named: companion.prefix + "fc.weight") != nil)
    }
    let found = gradients(&method)
    #expect(found.loss.isFinite)
    #expect(found.gradients["connector.peers.3.cls_token"]!.contains { $0 != 0 })
  }

  @Test func `classifiers stand behind every stage but the last, at any depth of the network`() throws {
    for (settings, count) in [
      (["network.side=16"], 3), (["network.side=32", "network.stem=imagenet"], 3),
      (["network.architecture=mobilenet_v2", "network.side=32"], 4),
    ] {
      let method = try KnowledgeDistillation(
        MethodMaterial(
          try configuration(settings + ["distill.terms=[stages=1]"]), try pictures(Self.classes)))
      let heads = method.student.parameters.filter {
        $0.name.hasPrefix("connector.stages.") && $0.name.hasSuffix("fc.weight")
      }
      #expect(heads.count == count, "\(settings)")
    }
  }

  @Test func `the moving average is kept, given to whoever reads the run, and starts as the student`() throws
  {
    let method = try made("distill.terms=[average=1]")
    let average = try #require(method.networks.first { $0.name == "teacher" }?.store)
    #expect(average === method.given && method.movingAverage(now)?.momentum == 0.5)
    for (one, other) in zip(average.tensors, method.student.tensors) {
      #expect(one.name == other.name && one.tensor.array == other.tensor.array)
    }
    let other = try made("distill.terms=[virtual=1]")
    #expect(other.given === other.student && other.networks.isEmpty && other.movingAverage(now) == nil)
  }

  @Test func `what cannot teach itself is refused with the names of both sides`() throws {
    let folder = try pictures(Self.classes)
    func refusal(_ settings: String..., folder other: ImageFolder? = nil) -> String {
      let error = #expect(throws: (any Error).self) {
        let configuration = try configuration(settings)
        var method = try KnowledgeDistillation(MethodMaterial(configuration, other ?? folder))
        _ = try method.willStart()
      }
      return error.map { "\($0)" } ?? ""
    }
    let alone = refusal("distill.terms=[peers=1]", "distill.peers.networks=[]")
    #expect(alone.contains("`distill.peers.networks` is empty") && alone.contains("resnet18"))
    let unknown = refusal("distill.terms=[peers=1]", "distill.peers.networks=[resnet19]")
    #expect(unknown.contains("`resnet19`") && unknown.contains("same (the student's own), vit_micro"))
    let patches = refusal(
      "distill.terms=[peers=1]", "distill.peers.networks=[vit_tiny]", "network.patch=7")
    #expect(patches.contains("images of side 16") && patches.contains("its peer vit_tiny do not fill: 7"))
    let tokens = refusal("distill.terms=[stages=1]", "network.architecture=vit_tiny", "network.patch=4")
    #expect(tokens.contains("vit_tiny: 192 wide") && tokens.contains("no maps but tokens"))
    let small = refusal("distill.terms=[stages=1]", "network.side=1")
    #expect(small.contains("one size of maps for images of 1 pixels"))
    for name in Self.own {
      let soft = refusal("distill.terms=[\(name)=1]", "distill.alpha=0.5")
      #expect(soft.contains("`distill.teachers` is empty, and `distill.alpha` is 0.5"), "\(soft)")
      let none = refusal("distill.terms=[\(name)=1]", folder: try pictures([]))
      #expect(none.contains("its images stand in no class folders"))
      let idle = refusal("distill.terms=[\(name)=1]", "distill.teachers=[runs/tuned]")
      #expect(
        idle.contains("runs/tuned") && idle.contains("\(name)=1") && idle.contains("need no teacher"),
        "\(idle)")
    }
    #expect(refusal("distill.terms=[virtual=1, hint=1]").contains("the term `hint` compares with a teacher"))
    #expect(refusal("distill.alpha=0.5").contains("`distill.teachers` is empty, and the method distillation"))
    #expect(refusal("distill.generations=2").contains("each generation is a run of its own"))
    #expect(
      refusal("distill.generations=2", "distill.cache=kept", "data.views.fixed=1").contains(
        "`distill.generations` 2 each has another"))
    for bad in ["distill.generations=0", "distill.virtual.probability=1", "distill.stages.share=1.5"] {
      #expect(throws: ConfigurationError.self) { try configuration([bad]) }
    }
  }

  @Test func `of generations everything is checked against a twin in place of the one before`() throws {
    let method = try made("distill.alpha=0.5", "distill.generations=2", "distill.terms=[hint=1, distance=25]")
    #expect(
      method.teachers.count == 1 && method.teachers[0].network.architecture.summary.contains("4 channels"))
    let error = #expect(throws: ConfigurationError.self) {
      try made(
        "distill.generations=2", "distill.terms=[hint=1]", "distill.layers=[\"layer2:layer9\"]")
    }
    #expect(error?.description.contains("the teacher of the generation before has no layer `layer9`") == true)
  }
}
