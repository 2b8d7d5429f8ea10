import EmanateAugmentations
import EmanateConfiguration
import EmanateEvaluation
import EmanateInterchange
import EmanateNetworks
import EmanateTraining
import Foundation

/// Random weights that stand in for those that a chain has yet to learn, so that its later stages can be checked, and
/// their steps tried, before the first one begins. They lie in a temporary folder that goes with the value.
final class ChainRehearsal {
  private let chain: Chain
  private let folder: String

  /// Writes the stand-ins: a backbone, and a backbone with a classifier.
  init(of chain: Chain, classes: [String]) throws {
    self.chain = chain
    folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let learned = chain[.pretrain]
    let preparation = try naming(.pretrain) { try learned.resolvedRecipe().preparation }
    try write(.pretrain, learned.network.chosen, preparation, classes: nil)
    let tuned = chain[.finetune]
    let own = try naming(.finetune) { try tuned.resolvedRecipe().preparation }
    try write(
      .finetune, tuned.network.chosen, tuned.data.preparation == .recipe ? own : preparation, classes: classes
    )
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// A stage that begins with stand-ins, in a folder that is not there.
  func run(_ stage: Chain.Stage) -> TrainingRun {
    var run = chain.run(stage)
    (run.resumes, run.overwrites) = (false, false)
    run.run = RunFolder("\(folder)/\(stage.rawValue)")
    switch stage {
    case .pretrain: break
    case .finetune: run.configuration.start.weights = .on(file(.pretrain))
    case .distill, .baseline:
      run.configuration.distill.teachers = [file(.finetune)]
      // The stand-in's outputs are nobody's.
      run.configuration.distill.cache = .off
    }
    return run
  }

  /// Does `work`; an error begins with the stage, and names the runs that stand-ins stand for.
  func naming<Result>(_ stage: Chain.Stage, _ work: () throws -> Result) throws -> Result {
    do { return try work() } catch {
      let failure = CommandFailure(error)
      var message = failure.message
      for other in [Chain.Stage.pretrain, .finetune] {
        message = message.replacingOccurrences(of: file(other), with: chain.place(other))
      }
      let prefix = "\(stage.rawValue): "
      throw CommandFailure(failure.code, message.hasPrefix(prefix) ? message : prefix + message)
    }
  }

  private func file(_ stage: Chain.Stage) -> String { "\(folder)/\(stage.rawValue).safetensors" }

  private func write(
    _ stage: Chain.Stage, _ architecture: any Architecture, _ preparation: ImagePreparation,
    classes: [String]?
  ) throws {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    if let classes { _ = Classifier(scope, backbone: backbone, classes: classes.count) }
    let store = ParameterStore(scope)
    store.initialize(seed: 0)
    var metadata = architecture.metadata
    metadata[NetworkReader.normalizationKey] = JSONOutput.text(preparation.normalization)
    metadata[NetworkReader.cropKey] = "\(preparation.crop)"
    if let classes { metadata[NetworkReader.classesKey] = NetworkReader.text(ofClasses: classes) }
    try Safetensors.write(store.tensors, metadata: metadata, to: file(stage))
  }
}
