/// The watch over collapse.
public struct CollapseSettings: Hashable, Sendable {
  /// How many steps lie between two looks at the features; off for none. Our choice: a look costs some tens of
  /// milliseconds at most, so every 50 steps it does not show.
  public var everySteps = OffOr<Int>.on(50)
  /// Whether a collapse that two looks in a row have seen ends the run, after a checkpoint.
  public var stop = false
}

/// Nearest neighbours while a run goes on.
public struct KNNSettings: Hashable, Sendable {
  /// How many steps lie between two measurements.
  public var everySteps = OffOr<Int>.off
  /// The folder of labelled images that vote; off for a part of the run's own folders.
  public var train = OffOr<String>.off
  /// The folder of labelled images that are tested; off for a part of the run's own folders.
  public var test = OffOr<String>.off
  /// The most images that are taken of a folder, at random under the seed.
  public var images = 2000
  /// How many neighbours vote.
  public var k = 20

  /// The share of each class of the run's own folders that is tested.
  public static let testShare = 0.2
}

extension ExperimentConfiguration {
  /// Both folders or none.
  func checkWatches() throws(ConfigurationError) {
    if (knn.train == .off) != (knn.test == .off) {
      throw .inconsistent(
        reason:
          "`knn.train` is \(knn.train.text) and `knn.test` is \(knn.test.text); give both folders, or none "
          + "for a part of the run's own")
    }
  }
}
