import Emanate
import Foundation
import TestSupport
import Testing

/// Every method that users can name, whoever added it, over a transformer and over a network of convolutions: what a step
/// of training may rely on.
@Suite struct MethodRegistryTests {
  /// A method and a backbone.
  struct Case: CustomTestStringConvertible {
    let method: MethodRegistry.Entry
    let backbone: String
    var testDescription: String { "\(method.name), \(backbone)" }
  }

  static let cases = MethodRegistry.all.flatMap { entry in
    // Patches are masked in transformers only.
    (entry.name == "dinov2" ? ["vit_tiny"] : ["vit_tiny", "resnet18"]).map {
      Case(method: entry, backbone: $0)
    }
  }

  /// Six images of two classes, for methods that use labels.
  private func folder() throws -> ImageFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: path) }
    let bytes = Data(PNGEncoder().encode(Image(width: 1, height: 1, pixels: [1, 2, 3])))
    for place in 0..<6 {
      let folder = path.appending(path: place % 2 == 0 ? "even" : "odd")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try bytes.write(to: folder.appending(path: "\(place).png"))
    }
    return try ImageFolder(path.path)
  }

  private func made(_ choice: Case) throws -> any EmanateMethods.Method {
    var configuration = try configuration(choice)
    guard choice.method.name == KnowledgeDistillation.name else {
      return try choice.method.make(MethodMaterial(configuration, folder()))
    }
    let teacher = try TeacherFile(classes: ["even", "odd"])
    try configuration.set("distill.teachers=[\"\(teacher.path)\"]")
    return try choice.method.make(MethodMaterial(configuration, folder()))
  }

  private func configuration(_ choice: Case) throws -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=\(choice.method.name)", "network.architecture=\(choice.backbone)", "network.side=16",
      "head.hidden=32", "head.bottleneck=16", "head.prototypes=48", "projector.hidden=32",
      "projector.output=16",
      "projector.predictorHidden=8",
    ]
      + (choice.backbone == "resnet18"
        ? ["network.stem=cifar", "network.channels=8"]
        : [
          "network.width=24", "network.depth=3", "network.heads=2", "network.patch=4", "network.dropPath=0.3",
        ])
    {
      try configuration.set(setting)
    }
    try configuration.check()
    return configuration
  }

  /// Six images, two global and two local views each.
  private func views(_ step: Int, patch: Int) -> Views {
    Views(
      groups: [("global", 16), ("local", 8)].map { name, side in
        patchRows(of: hashFilled("\(name)\(step)", [12, 3, side, side]), patch: patch)
      }, globalViews: 2, samples: Array(0..<6))
  }

  private func moment(_ step: Int, teacherMomentum: Double = 0.9) -> Moment {
    Moment(
      step: step, epoch: 0, learningRate: 1e-2, weightDecay: 0.04, teacherMomentum: teacherMomentum,
      teacherTemperature: 0.07, isLastLayerFrozen: false, clip: 3, peakLearningRate: 2e-2, progress: 0.1)
  }

  /// What a few steps leave: losses, and every network's tensors by name, buffers among them.
  private struct Trace {
    var losses: [Double] = []
    var gradients: [Float] = []
    var networks: [String: [String: [Float]]] = [:]
    var state: [String: [Float]] = [:]

    /// What is not the same bits in another trace, by name.
    func differences(from other: Trace) -> [String] {
      var names = losses == other.losses ? [] : ["losses"]
      if gradients != other.gradients { names.append("gradients") }
      for (network, tensors) in networks {
        names += tensors.keys.filter { tensors[$0] != other.networks[network]?[$0] }.map {
          "\(network) \($0)"
        }
      }
      return names + state.keys.filter { state[$0] != other.state[$0] }
    }
  }

  private func trace(
    _ choice: Case, steps: Int = 2, recomputes: Bool = false, teacherMomentum: Double = 0.9
  ) throws -> Trace {
    let configuration = try configuration(choice)
    func run<M: EmanateMethods.Method>(_ method: M) throws -> Trace {
      let optimizer = try configuration.optimizer.optimizer(of: method.student)
      var step = TrainingStep(method, optimizer: optimizer, seed: 5, memory: .init(recomputes: recomputes))
      var trace = Trace()
      for number in 0..<steps {
        let now = moment(number, teacherMomentum: teacherMomentum)
        let result = try step(views(number, patch: configuration.network.imagePatch), now)
        trace.losses.append(result.loss)
      }
      trace.gradients = step.gradients.array
      for (name, store) in [("student", step.method.student)] + step.method.networks {
        trace.networks[name] = Dictionary(
          uniqueKeysWithValues: store.tensors.map { ($0.name, $0.tensor.array) })
      }
      trace.state = Dictionary(uniqueKeysWithValues: step.method.state.map { ($0.name, $0.tensor.array) })
      return trace
    }
    return try run(made(choice))
  }

  @Test func `names are told apart and have a line that says where they come from`() {
    #expect(Set(MethodRegistry.all.map { $0.name }).count == MethodRegistry.all.count)
    for entry in MethodRegistry.all {
      #expect(entry.summary.contains("arXiv:"), "\(entry.name)")
      #expect(MethodRegistry.entry(named: entry.name)?.summary == entry.summary)
    }
  }

  @Test(arguments: cases)
  func
    `two steps are finite, change all that is trained, and are the same bits for one, two and three threads`(
      choice: Case
    )
    throws
  {
    let traces = try [1, 2, 3].map { count in try withThreads(count) { try trace(choice) } }
    for trace in traces.dropFirst() { #expect(trace.differences(from: traces[0]) == []) }
    #expect(traces[0].losses.allSatisfy { $0.isFinite })
    for tensors in traces[0].networks.values { #expect(tensors.values.joined().allSatisfy { $0.isFinite }) }
    let start = try trace(choice, steps: 0).networks["student"]!
    let still = start.keys.filter { start[$0] == traces[0].networks["student"]![$0] }
    #expect(still.allSatisfy { $0.hasSuffix("weight_g") }, "\(still)")
  }

  @Test(arguments: cases)
  func `blocks that are computed twice give the same bits and move no buffer twice`(choice: Case) throws {
    let (kept, again) = (try trace(choice), try trace(choice, recomputes: true))
    #expect(kept.differences(from: again) == [])
  }

  @Test(arguments: cases)
  func `a teacher follows by its parameters alone, and its running statistics are those of its own passes`(
    choice: Case
  ) throws {
    let start = try trace(choice, steps: 0)
    let (still, copied) = (
      try trace(choice, steps: 1, teacherMomentum: 1), try trace(choice, steps: 1, teacherMomentum: 0)
    )
    let half = try trace(choice, steps: 1, teacherMomentum: 0.5)
    for name in start.networks.keys where name != "student" {
      for (tensor, first) in start.networks[name]! {
        let now = (
          still.networks[name]![tensor]!, copied.networks[name]![tensor]!, half.networks[name]![tensor]!
        )
        let student = copied.networks["student"]![tensor]!
        if tensor.contains("running_") {
          // The momentum has no say; the predictor, which no teacher uses, sees nothing.
          #expect(now.0 == now.1 && now.0 == now.2, "\(tensor)")
          #expect((now.0 == first) == tensor.hasPrefix("predictor."), "\(tensor)")
          #expect(now.1 != student, "\(tensor)")
        } else {
          #expect(now.0 == first && now.1 == student, "\(tensor)")
          for (place, value) in now.2.enumerated() {
            let expected = (first[place] + student[place]) / 2
            #expect(abs(value - expected) <= 1e-6 * max(1, abs(expected)), "\(tensor)")
          }
        }
      }
    }
    let method = try made(choice)
    #expect((method.movingAverage(moment(0)) == nil) == method.networks.isEmpty)
  }

  @Test(arguments: cases)
  func `a batch in parts is refused by a method that couples images, and only by it`(choice: Case) throws {
    func check<M: EmanateMethods.Method>(_ method: M) {
      #expect(TrainingStep.canServe(.init(parts: 2), method) == !method.couplesImages)
      // Whoever normalises with the batch couples its images.
      #expect(method.couplesImages || method.student.buffers.isEmpty)
    }
    check(try made(choice))
  }
}
