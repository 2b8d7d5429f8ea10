import EmanateConfiguration
import EmanateEvaluation
import EmanateInterchange
import EmanateTensors
import EmanateTraining
import Foundation
import Testing

/// Whole runs that begin with the weights of another.
@Suite(.serialized) struct StartWeightsTests {
  let scratch = Scratch()

  private func configuration(_ architecture: String, _ settings: String...) throws -> ExperimentConfiguration
  {
    var configuration = try tinyConfiguration(
      steps: 30, "network.architecture=\(architecture)", "network.stem=cifar", "network.channels=8",
      "training.checkpointEverySteps=1", "training.checkpointsKept=100", "training.learningRate=0.01",
      "projector.hidden=32", "projector.output=16", "projector.predictorHidden=16")
    for setting in settings { try configuration.set(setting) }
    return configuration
  }

  private func tensors(_ run: String, step: Int, _ network: String) throws -> [String: Tensor] {
    let file = try Safetensors.read("\(run)/checkpoints/step-\(step)/\(network).safetensors")
    return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.tensor($0)) })
  }

  private func isHead(_ name: String) -> Bool {
    ["head.", "projector.", "predictor."].contains(where: name.hasPrefix)
  }

  @Test(arguments: [("dino", "vit_tiny"), ("byol", "resnet18"), ("simsiam", "vit_tiny")])
  func `heads learn first, on the backbone that was given; then it learns too`(
    method: String, architecture: String
  ) throws {
    let data = try scratch.images(14)
    let (first, run) = (scratch.path + "/first", scratch.path + "/run")
    try pretrain(try configuration(architecture, "method=\(method)"), data: data, run: first, stopAfter: 2)
    let notes = Notes()
    try pretrain(
      try configuration(architecture, "method=\(method)", "seed=5", "start.weights=\(first)"), data: data,
      run: run, stopAfter: 5, observer: notes)
    // Three steps are a tenth of the run; the ramp's epochs are cut as well, to nine steps.
    #expect(notes.notes.contains { $0.contains("start.rampEpochs") && $0.contains("cut to 9 steps") })
    let networks = method == "simsiam" ? ["student"] : ["teacher", "student"]
    let given = try tensors(first, step: 2, networks[0])
    for network in networks {
      let (frozen, learning) = (try tensors(run, step: 3, network), try tensors(run, step: 5, network))
      for (name, tensor) in given where !isHead(name) && !name.contains("running_") {
        // A teacher that follows a student of the same numbers may differ in the last bit.
        let difference = zip(tensor.array, frozen[name]!.array).map { abs($0 - $1) }.max()!
        #expect(difference <= (network == "student" ? 0 : 1e-6), "\(name) of the \(network)")
      }
      let moved = given.keys.filter { !isHead($0) && given[$0]!.array != learning[$0]!.array }
      #expect(moved.count > given.keys.filter { !isHead($0) }.count / 2)
      // The heads are not the other run's.
      #expect(given.keys.contains { isHead($0) && given[$0]!.array != frozen[$0]!.array })
    }
    let early = try tensors(run, step: 1, "student")
    let late = try tensors(run, step: 3, "student")
    #expect(early.keys.contains { isHead($0) && early[$0]!.array != late[$0]!.array })
  }

  @Test func `a run from weights that stops and resumes equals one that does not, byte for byte`() throws {
    let data = try scratch.images(14)
    let first = scratch.path + "/first"
    try pretrain(try configuration("resnet18", "method=byol"), data: data, run: first, stopAfter: 1)
    let next = try configuration("resnet18", "method=byol", "seed=5", "start.weights=\(first)")
    try pretrain(next, data: data, run: scratch.path + "/whole")
    try pretrain(next, data: data, run: scratch.path + "/parts", stopAfter: 2)
    // What is continued does not need them any more.
    try FileManager.default.removeItem(atPath: first)
    try pretrain(next, data: data, run: scratch.path + "/parts", stopAfter: 8) { $0.resumes = true }
    try pretrain(next, data: data, run: scratch.path + "/parts") { $0.resumes = true }
    let (whole, parts) = (
      try bytes(ofRun: scratch.path + "/whole"), try bytes(ofRun: scratch.path + "/parts")
    )
    #expect(Set(whole.keys) == Set(parts.keys))
    for (file, contents) in whole { #expect(parts[file] == contents, "\(file)") }
  }

  @Test func `the backbone's share of the rate is nothing, then rises, then is whole`() throws {
    let settings = try configuration(
      "vit_tiny", "start.weights=x", "training.steps=100", "start.headEpochs=2", "start.rampEpochs=3")
    let plan = try TrainingPlan(settings, images: 14)
    let shares = (0..<100).map { plan.moment($0).backboneRate }
    #expect(shares[0..<6].allSatisfy { $0 == 0 } && shares[15...].allSatisfy { $0 == 1 })
    for (step, share) in shares[6..<15].enumerated() { #expect(abs(share - Double(step + 1) / 9) < 1e-12) }
    #expect(plan.schedules.contains { $0.name.hasPrefix("backbone's share") })
    let random = try TrainingPlan(configuration("vit_tiny", "training.steps=100"), images: 14)
    #expect((0..<100).allSatisfy { random.moment($0).backboneRate == 1 } && random.schedules.count == 4)
  }

  @Test func `weights of another network are refused by name before anything is written`() throws {
    let data = try scratch.images(14)
    let first = scratch.path + "/first"
    try pretrain(try configuration("vit_tiny"), data: data, run: first, stopAfter: 1)
    for (settings, part) in [
      (["network.width=64"], "`cls_token` is [1, 1, 32] there and [1, 1, 64] here"),
      (["network.depth=3"], "`blocks.2.norm1.weight` is missing there"),
      (["network.side=24"], "pos_embed"),
      (["network.architecture=resnet18"], "`conv1.weight` is missing there"),
      (["start.weights=\(scratch.path)/nowhere"], "nowhere"),
    ] {
      var other = try configuration("vit_tiny", "start.weights=\(first)")
      for setting in settings { try other.set(setting) }
      let error = #expect(throws: (any Error).self) {
        try pretrain(other, data: data, run: scratch.path + "/run")
      }
      #expect("\(try #require(error))".contains(part), "\(String(describing: error))")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/run"))
  }

  @Test func `other mean and deviation than the weights were trained with are told`() throws {
    let data = try scratch.images(14)
    let first = scratch.path + "/first"
    try pretrain(try configuration("vit_tiny"), data: data, run: first, stopAfter: 1)
    let notes = Notes()
    try pretrain(
      try configuration("vit_tiny", "start.weights=\(first)", "data.recipe=dino-small"), data: data,
      run: scratch.path + "/run", stopAfter: 1, observer: notes)
    #expect(notes.notes.contains { $0.contains("normalised otherwise") && $0.contains("dino-small") })
  }
}
