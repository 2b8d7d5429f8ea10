import EmanateAugmentations
import EmanateConfiguration
import EmanateEvaluation
import EmanateMethods
import EmanateNetworks
import EmanateTensors

/// The weights that a run's backbones begin with, as `start.weights` asks.
struct StartWeights {
  private let network: FrozenNetwork
  /// How images were prepared where they learned.
  var preparation: ImagePreparation { network.preparation }
  /// What a user should know about them, a sentence each.
  let notes: [String]

  /// Reads them; nil where a run begins with random weights.
  ///
  /// - Throws: `WeightsError` for a file that cannot be used, `TrainingError.unavailable` for another network than
  ///   the run's.
  init?(_ configuration: ExperimentConfiguration, recipe: Recipe) throws {
    guard let path = configuration.start.weights.value else { return nil }
    var hints = NetworkHints()
    hints.role = configuration.start.network == .student ? .student : .teacher
    let settings = configuration.network
    // What tensors cannot tell of a transformer, its name tells; other networks' tensors tell all.
    let isPreset = [settings.width, settings.depth, settings.heads].allSatisfy { $0 == .preset }
    if settings.architecture.isTransformer && isPreset { hints.architecture = settings.architecture }
    let network = try NetworkReader(hints).read(path)

    let scope = ParameterScope()
    _ = settings.chosen.backbone(scope)
    let wanted =
      scope.parameters.map { ($0.name, $0.shape) } + scope.buffers.map { ($0.name, $0.shape) }
    let found = network.shapes
    func refuse(_ name: String, _ found: Shape?, _ wanted: Shape?) -> TrainingError {
      .unavailable(
        setting: "start.weights",
        reason: "\(path) holds \(network.architecture.summary), and the run's network.* is "
          + "\(settings.chosen.summary): `\(name)` is \(found.map { "\($0)" } ?? "missing") there and "
          + "\(wanted.map { "\($0)" } ?? "missing") here")
    }
    for (name, shape) in wanted where found[name] != shape { throw refuse(name, found[name], shape) }
    let names = Set(wanted.map(\.0))
    for name in found.keys.sorted() where !names.contains(name) { throw refuse(name, found[name], nil) }

    let (theirs, ours) = (network.preparation.normalization, recipe.preparation.normalization)
    var notes = network.notes
    if theirs != ours && configuration.data.preparation == .recipe {
      notes.append(
        "\(path) was trained on images normalised otherwise (mean \(theirs.mean), deviation "
          + "\(theirs.std)) than the recipe `\(configuration.data.recipe)` has it "
          + "(\(ours.mean), \(ours.std))")
    }
    (self.network, self.notes) = (network, notes)
  }

  /// Gives them to a method's student and to its teacher.
  func give<M: Method>(to method: M) {
    for store in [method.student] + method.networks.map(\.store) { network.give(to: store) }
  }
}
