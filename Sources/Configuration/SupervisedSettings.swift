/// Learning from labels.
public struct SupervisedSettings: Hashable, Sendable {
  /// What learns.
  public var trains = Part.network
  /// The share of a label that goes to classes which are not its own.
  public var labelSmoothing = 0.0
  /// To which classes it goes.
  public var smoothing = Smoothing.others
  /// α of mixup's shares.
  public var mixup = OffOr<Double>.off
  /// α of CutMix's shares; where both are on, a batch takes either with equal chance, as timm does.
  public var cutmix = OffOr<Double>.off

  /// What logits are divided by in the loss, T; the network is used at 1 all the same (Papernot et al. 2016).
  public var temperature = 1.0

  /// What learns: everything, or the classifier on a frozen backbone.
  public enum Part: String, WordSetting { case network, head }
  /// ε / (C − 1) for each other class, or ε / C for all classes, which is PyTorch's `label_smoothing`.
  public enum Smoothing: String, WordSetting { case others, all }
}

/// Labelled images that are held out of a supervised run and tell when it was best.
public struct ValidationSettings: Hashable, Sendable {
  /// The share of each class that is held out; off to learn from all images.
  public var share = OffOr<Double>.off
  /// After how many epochs they are judged.
  public var everyEpochs = 1
  /// After how many looks without a better one the run ends; off to go on.
  public var patience = OffOr<Int>.off
}

extension ExperimentConfiguration {
  /// Patience needs something to look at.
  func checkValidation() throws(ConfigurationError) {
    if validation.share == .off && validation.patience != .off {
      throw .inconsistent(
        reason:
          "`validation.patience` is \(validation.patience.text), and `validation.share` is off: nothing is "
          + "held out that could tell when the run was best")
    }
  }
}
