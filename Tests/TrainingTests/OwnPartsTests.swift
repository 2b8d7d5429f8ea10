import EmanateAugmentations
import EmanateAutograd
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors
import EmanateTraining
import Foundation
import Testing

/// Adds a constant to all levels.
private struct Lift: Augmentation {
  static let name = "lift"
  static let defaults = ["probability": 1.0, "by": 20]
  let probability, by: Double

  init(parameters: [String: Double]) throws(InvalidParameter) {
    probability = try parameters.value("probability", in: 0...1)
    by = try parameters.value("by", in: 0...255)
  }

  func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator) {
    view.levels = view.levels.map { UInt8(min(255, Double($0) + by)) }
    view.note("lift")
  }
}

/// DINO under a name of its own.
private let renamed = MethodRegistry.Entry(
  name: "dino-of-mine", summary: "the same", make: { DINO($0.configuration) })

/// Half the squared difference of logits.
private struct LogitTerm: DistillationTerm {
  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let student = batch.logits, let teacher = batch.teacher.logits else {
      preconditionFailure("LogitTerm: a network without logits")
    }
    let slopes = zip(student.value.array, teacher.array).map { $0 - $1 }
    let value = slopes.reduce(0) { $0 + $1 * $1 } / 2
    return record(
      Tensor([value], [1]), [student], KnownGradientBackward(gradient: Tensor(slopes, student.shape)))
  }
}

private let logits = TermRegistry.Entry(
  name: "logits", kind: .response, summary: "difference of logits", make: { _ in LogitTerm() })

/// Methods, terms and augmentations that a program hands to a run and that no registry has.
@Suite(.serialized) struct OwnPartsTests {
  let scratch = Scratch()

  private func recipe() throws -> String {
    let path = scratch.path + "/recipe.yaml"
    let yaml = """
      views:
        - {count: 2, side: 16, area: [0.4, 1], augmentations: [flip, lift: {by: 30}]}
      """
    try yaml.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was refused"
  }

  @Test func `a run of an own method over an own augmentation stops, resumes, and is the same byte for byte`()
    throws
  {
    let data = try scratch.images(9)
    let configuration = try tinyConfiguration(
      steps: 5, "method=dino-of-mine", "data.recipe=\(try recipe())", "data.views.locals=recipe")
    func train(_ run: String, stopAfter: Int = .max, _ change: (inout TrainingRun) -> Void = { _ in }) throws
    {
      try pretrain(configuration, data: data, run: scratch.path + "/" + run, stopAfter: stopAfter) {
        $0.methods.append(renamed)
        $0.augmentations.append(Lift.self)
        change(&$0)
      }
    }
    try train("whole")
    try train("parts", stopAfter: 3)
    try train("parts") { $0.resumes = true }
    let (whole, parts) = (
      try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: scratch.path + "/parts")
    )
    for (file, contents) in whole { #expect(parts[file] == contents, "\(file)") }

    // Readers of weights need to know neither.
    let network = try NetworkReader().read(scratch.path + "/whole")
    #expect(network.width == 32 && network.preparation == .imageNet)
  }

  @Test func `a run is refused by a program that does not know its method or its augmentation`() throws {
    let (data, run) = (try scratch.images(6), scratch.path + "/run")
    let configuration = try tinyConfiguration(
      steps: 2, "method=dino-of-mine", "data.recipe=\(try recipe())", "data.views.locals=recipe")
    let unknown = refusal { try pretrain(configuration, data: data, run: run) }
    #expect(unknown.contains("dino-of-mine is none of"))
    let other = refusal {
      try pretrain(configuration, data: data, run: run) { $0.methods.append(renamed) }
    }
    #expect(other.contains("unknown augmentation 'lift'") && other.contains("erasing"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test func `two methods of one name are refused, whichever comes first`() throws {
    let data = try scratch.images(6)
    let twin = MethodRegistry.Entry(name: "dino", summary: "", make: { BYOL($0.configuration) })
    for methods in [MethodRegistry.all + [twin], [twin] + MethodRegistry.all] {
      let reason = refusal {
        try pretrain(try tinyConfiguration(steps: 1), data: data, run: scratch.path + "/run") {
          $0.methods = methods
        }
      }
      #expect(reason == "method: two of them are called dino")
    }
  }

  @Test func `an own term is weighed, measured, and unknown to others`() throws {
    for name in ["a", "b"] { _ = try scratch.images(4, named: "images/\(name)") }
    func configuration(_ overrides: String...) throws -> ExperimentConfiguration {
      var configuration = try tinyConfiguration(
        steps: 2, "data.recipe=supervised-plain", "data.views.locals=recipe", "network.side=16")
      for setting in overrides { try configuration.set(setting) }
      return configuration
    }
    let (data, teacher) = (scratch.path + "/images", scratch.path + "/teacher")
    try pretrain(try configuration("method=supervised"), data: data, run: teacher)
    let settings = try configuration(
      "method=distillation", "distill.teachers=[\"\(teacher)\"]", "distill.alpha=1",
      "distill.terms=[logits=0.5]"
    )
    let student = scratch.path + "/student"
    try pretrain(settings, data: data, run: student) { $0.terms.append(logits) }
    let metrics = try String(contentsOfFile: student + "/metrics.jsonl", encoding: .utf8)
    let first = try #require(
      try JSONSerialization.jsonObject(with: Data(metrics.split(separator: "\n")[0].utf8)) as? [String: Any])
    let (labels, term) = (
      try #require(first["labelsLoss"] as? Double), try #require(first["logitsLoss"] as? Double)
    )
    #expect(abs(try #require(first["loss"] as? Double) - (labels + 0.5 * term)) < 1e-5 * labels)

    let reason = refusal { try pretrain(settings, data: data, run: scratch.path + "/other") }
    #expect(reason.contains("`distill.terms`, logits: there is no such term"))
  }
}
