/// Knowledge distillation: whose knowledge a student takes over, and by which losses.
public struct DistillationSettings: Hashable, Sendable {
  /// The teachers' weights: runs, checkpoints or files.
  public var teachers: [String] = []
  /// Which network of a teacher's run is read.
  public var network = StartSettings.Network.teacher
  /// How much each of several teachers counts.
  public var weighting = Weighting.mean
  /// The share of the labels' loss, α; the teacher's soft targets have the rest.
  public var alpha = 0.5
  /// What logits are divided by, T.
  public var temperature = 4.0
  /// Whether the soft targets' loss is multiplied by T², so that its gradient keeps its size.
  public var scaleByT2 = true
  /// What compares with the soft targets; their gradients are the same.
  public var form = Form.kl
  /// Whether the student must be built as its first teacher is, for defensive distillation.
  public var sameArchitecture = false
  /// Further losses with their weights: `attention=1000`.
  public var terms: [String] = []
  /// Pairs of layers that terms on layers compare: `layer2:layer3`, the student's first.
  public var layers: [String] = []
  /// The folder that keeps what the teachers make of fixed views.
  public var cache = OffOr<String>.off
  /// How often the student is trained again, each time by the one before.
  public var generations = OffOr<Int>.off
  /// The teacher that the term `virtual` makes of a label.
  public var virtual = VirtualTeacherSettings()
  /// The classifiers that the term `stages` puts behind a network's stages.
  public var stages = ShallowClassifierSettings()
  /// The students that the term `peers` trains beside the student.
  public var peers = PeerSettings()

  /// How much each teacher counts: all alike, or by how well it knows an image's class (CA-MKD).
  public enum Weighting: String, WordSetting { case mean, confidence }
  /// Kullback-Leibler divergence, or cross-entropy.
  public enum Form: String, WordSetting { case kl, crossEntropy }

  /// `terms`, taken apart; nil where one is not `name=weight` with a weight above 0.
  public var weightedTerms: [(name: String, weight: Double)]? {
    let pairs = terms.map { $0.split(separator: "=", omittingEmptySubsequences: false) }
    let found = pairs.compactMap { pair -> (name: String, weight: Double)? in
      guard pair.count == 2, !pair[0].isEmpty, let weight = Double(pair[1]), weight > 0, weight.isFinite
      else { return nil }
      return (String(pair[0]), weight)
    }
    return found.count == terms.count ? found : nil
  }

  /// `layers`, taken apart; nil where one is not `student:teacher`.
  public var layerPairs: [(student: String, teacher: String)]? {
    let found = layers.compactMap { text -> (student: String, teacher: String)? in
      let pair = text.split(separator: ":", omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else { return nil }
      return (String(pair[0]), String(pair[1]))
    }
    return found.count == layers.count ? found : nil
  }

  /// What to say of a teacher that was trained at another temperature than its student will be: in defensive distillation
  /// both have the same (Papernot et al. 2016, arXiv:1511.04508, section IV). nil where nothing points to that.
  public func temperatureNote(teacher: String, trainedAt other: Double) -> String? {
    // An ordinary teacher is trained at 1, whatever softens its targets later.
    if other == temperature || (other == 1 && (!sameArchitecture || scaleByT2)) { return nil }
    return
      "the teacher \(teacher) was trained at temperature \(other) (supervised.temperature), and its student learns at "
      + "\(temperature) (distill.temperature); defensive distillation uses the same for both"
  }
}

extension ExperimentConfiguration {
  /// The forms that no key can check alone.
  func checkDistillation() throws(ConfigurationError) {
    if distill.weightedTerms == nil {
      throw .inconsistent(
        reason:
          "`distill.terms` is \(distill.terms.text); each is a name and a weight above 0, as in [hint=1]")
    }
    if distill.layerPairs == nil {
      throw .inconsistent(
        reason:
          "`distill.layers` is \(distill.layers.text); each is a student's and a teacher's layer, as in "
          + "[\"layer2:layer3\"]")
    }
    if distill.cache != .off && data.views.fixed == .off {
      throw .inconsistent(
        reason:
          "`distill.cache` keeps what teachers make of fixed views, and `data.views.fixed` is off: set it to 1, "
          + "or to more views that epochs take in turn")
    }
    try checkSelfDistillation()
  }
}

extension Setting {
  /// The keys of learning from labels and from teachers.
  static let labelled: [Setting] = [
    Setting(
      "supervised.trains", \.supervised.trains, "whether the whole network learns, or its classifier alone"),
    Setting(
      "supervised.labelSmoothing", \.supervised.labelSmoothing, "share of a label that goes to other classes",
      within: 0...0.999),
    Setting(
      "supervised.smoothing", \.supervised.smoothing,
      "whether that share goes to the other classes, or to all of them (PyTorch's label_smoothing)"),
    Setting(
      "supervised.mixup", \.supervised.mixup, "alpha of mixup, which adds two images and their labels",
      within: .leastNonzeroMagnitude ... .infinity),
    Setting(
      "supervised.cutmix", \.supervised.cutmix,
      "alpha of CutMix, which puts a box of one image into another",
      within: .leastNonzeroMagnitude ... .infinity),

    Setting(
      "supervised.temperature", \.supervised.temperature,
      "what logits are divided by in the labels' loss of a run from labels (defensive distillation's teacher)",
      within: .leastNonzeroMagnitude ... .infinity),

    Setting(
      "validation.share", \.validation.share,
      "share of each class held out of a run with labels, to tell when it was best",
      within: .leastNonzeroMagnitude...1),
    Setting(
      "validation.everyEpochs", \.validation.everyEpochs, "epochs between looks at them", within: 1...1e6),
    Setting(
      "validation.patience", \.validation.patience, "looks without a better one after which the run ends",
      within: 1...1e6),

    Setting(
      "distill.teachers", \.distill.teachers,
      "teachers' weights: runs, checkpoints or files, [runs/tuned] say"),
    Setting("distill.network", \.distill.network, "which of a run's networks a teacher is"),
    Setting(
      "distill.weighting", \.distill.weighting,
      "whether several teachers count alike, or each by how well it knows an image's class"),
    Setting(
      "distill.alpha", \.distill.alpha,
      "share of the labels' loss; the teacher's soft targets have the rest", within: 0...1),
    Setting(
      "distill.temperature", \.distill.temperature, "what both networks' logits are divided by",
      within: .leastNonzeroMagnitude ... .infinity),
    Setting(
      "distill.scaleByT2", \.distill.scaleByT2,
      "whether the soft targets' loss is multiplied by the temperature's square"),
    Setting("distill.form", \.distill.form, "what compares with the soft targets; their gradients are equal"),
    Setting(
      "distill.sameArchitecture", \.distill.sameArchitecture,
      "whether a student of another architecture than its first teacher's is refused"),
    Setting(
      "distill.terms", \.distill.terms,
      "further losses with their weights, [attention=1000, distance=25] say (emanate list terms)"),
    Setting(
      "distill.layers", \.distill.layers,
      "layers that terms on layers compare, student:teacher (emanate distill --list-layers); if none, the deepest of equal size"
    ),
    Setting(
      "distill.cache", \.distill.cache,
      "folder that keeps what the teachers make of fixed views (data.views.fixed)"),
  ]
}
