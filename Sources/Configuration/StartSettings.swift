/// What a run's backbone begins with, and how it is spared at first. Heads always begin anew.
public struct StartSettings: Hashable, Sendable {
  /// A run, a checkpoint or a file of weights; off for weights drawn under the seed.
  public var weights = OffOr<String>.off
  /// Which of a run's two networks is read.
  public var network = Network.teacher
  /// For how many epochs only the heads learn.
  public var headEpochs = 1
  /// In how many epochs the backbone's learning rate then rises to its own.
  public var rampEpochs = 5

  /// One of a run's two networks.
  public enum Network: String, WordSetting { case teacher, student }
}
