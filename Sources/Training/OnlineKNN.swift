import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateKernels
import EmanateMethods
import EmanateNetworks

/// How well the nearest neighbours of a network in training tell classes apart, on the same labelled images every
/// time.
public struct OnlineKNN {
  /// The images that vote and those that are tested; every one has a label among `train.classes`.
  public let train, test: ImageFolder
  private let k: Int
  private let architecture: any Architecture
  private let preparation: ImagePreparation
  private let decoder: ImageDecoder

  /// The images that a configuration names, or a part of the run's own folder; nil where `knn.everySteps` is off.
  ///
  /// - Throws: `ImageFolderError` for a folder that cannot be used or an image without a label, and
  ///   `TrainingError.unavailable` for too few images.
  init?(_ configuration: ExperimentConfiguration, recipe: Recipe, data: ImageFolder) throws {
    let knn = configuration.knn
    if knn.everySteps == .off { return nil }
    let seed = UInt64(configuration.seed)
    func subset(_ folder: ImageFolder, _ number: Int) -> ImageFolder {
      if folder.count <= knn.images { return folder }
      var generator = KeyedGenerator(seed: seed, purpose: .split, -1, number)
      return folder.selecting(generator.permutation(folder.count).prefix(knn.images).sorted())
    }
    if let train = knn.train.value, let test = knn.test.value {
      (self.train, self.test) = (subset(try ImageFolder(train), 0), subset(try ImageFolder(test), 1))
    } else {
      let part = subset(data, 0)
      if part.classes.isEmpty {
        throw TrainingError.unavailable(
          setting: "knn.train",
          reason: "off, and the run's own images stand in no class folders; give knn.train and knn.test")
      }
      let split = Split(labels: try part.labels(), testShare: KNNSettings.testShare, seed: seed)
      (train, test) = (part.selecting(split.train), part.selecting(split.test))
    }
    _ = try train.labels()
    _ = try test.labels(among: train.classes)
    if test.count == 0 || knn.k > train.count {
      throw TrainingError.unavailable(
        setting: "knn.k",
        reason: "\(knn.k) neighbours of \(train.count) images that vote, and \(test.count) to test")
    }
    k = knn.k
    architecture = configuration.network.chosen
    preparation = recipe.preparation
    decoder = configuration.imageDecoder
  }

  /// The vote's accuracy on features of the teacher, or of the student where there is none: as `emanate knn` measures
  /// it, at the side that the position embeddings are stored for. Images that cannot be read are left out.
  func accuracy<M: Method>(of method: M) throws(TrainingError) -> Accuracy {
    let store = method.networks.first { $0.name == "teacher" }?.store ?? method.student
    let source = FeatureSource.network(
      FrozenNetwork(
        copying: store, architecture, side: architecture.side, preparation: preparation, decoder: decoder)
    )
    let voting, tested: Features
    let labels, wanted: [Int]
    do {
      voting = try Features(of: train, by: source)
      tested = try Features(of: test, by: source)
      labels = try voting.folder.labels()
      wanted = try tested.folder.labels(among: train.classes)
    } catch { throw .knn(reason: "\(error)") }
    if k > voting.count {
      throw .knn(reason: "only \(voting.count) images that vote can be read, and knn.k is \(k)")
    }
    return KNearestNeighbors(features: voting.rows, labels: labels, classes: train.classes.count, k: k)
      .accuracy(features: tested.rows, labels: wanted)
  }
}
