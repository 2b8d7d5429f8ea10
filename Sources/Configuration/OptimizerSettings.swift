import EmanateOptimization

/// The optimizer.
public struct OptimizerSettings: Hashable, Sendable {
  /// Which optimizer.
  public var name = Name.adamw
  /// The share of the old direction that SGD and LARS keep.
  public var momentum = 0.9
  /// Whether SGD and LARS step in Nesterov's form.
  public var nesterov = false
  /// The trust coefficient of LARS, η.
  public var trustCoefficient = 0.001
  /// What LARS scales a gradient by.
  public var larsRatio = LARS.Ratio.update
  /// Whether LARS lets no parameter's own rate be above the run's.
  public var larsClip = false
  /// The momentum of AdamW's first moment.
  public var beta1 = 0.9
  /// The momentum of AdamW's second moment.
  public var beta2 = 0.999
  /// What AdamW adds to the root of the second moment.
  public var epsilon = 1e-8
  /// The weight decay of the first step.
  public var weightDecay = 0.04
  /// The weight decay that the last step approaches.
  public var finalWeightDecay = 0.4
  /// Parameters that are not decayed, beside biases and one-dimensional ones, by parts of their names.
  public var undecayed: [String] = []
  /// What a layer of the backbone has of the learning rate of the layer above.
  public var layerDecay = 1.0
  /// Multiplies the patch embedding's learning rate.
  public var patchEmbedRate = 1.0
  /// Multiplies the learning rate of a head's last layer.
  public var lastLayerRate = 1.0
  /// Parameters that keep the peak learning rate, by parts of their names.
  public var constantRate: [String] = []
  /// The largest norm of a gradient.
  public var clip = OffOr<Double>.on(3)
  /// What the clip bounds.
  public var clipping = Clipping.parameter

  /// Which optimizer.
  public enum Name: String, WordSetting { case adamw, sgd, lars }
  /// What a clip bounds: each parameter's gradient, or all together.
  public enum Clipping: String, WordSetting { case parameter, global }

  /// DINO's AdamW.
  public init() {}

  /// The rules by which parameters differ.
  public var rules: ParameterRules {
    var rules = ParameterRules()
    (rules.layerDecay, rules.patchEmbedRate) = (layerDecay, patchEmbedRate)
    if lastLayerRate != 1 { rules.rates["last_layer"] = lastLayerRate }
    (rules.constantRates, rules.undecayed) = (constantRate, undecayed)
    return rules
  }
}

/// The teacher's moving average.
public struct EMASettings: Hashable, Sendable {
  /// The momentum of the first step, or the greatest of Mean Teacher's; not used while `halfLifeImages` is on.
  public var momentum = 0.996
  /// The half-life of the teacher in images, in place of `momentum`: the same whatever the batch.
  public var halfLifeImages = OffOr<Double>.off
  /// What the momentum does over the run.
  public var schedule = Form.cosine
  /// The momentum that the last step approaches.
  public var finalMomentum = 1.0
  /// Whether the last step has the final momentum itself.
  public var end = ScheduleEnd.approached

  /// What the momentum does over the run.
  public enum Form: String, WordSetting { case cosine, constant, meanTeacher }

  /// The momentum as a given setting: giving it switches `halfLifeImages` off, because both are one setting.
  var givenMomentum: Double {
    get { momentum }
    set { (momentum, halfLifeImages) = (newValue, .off) }
  }

  /// The momentum before its schedule, for batches of this many images.
  public func momentum(batchSize: Int) -> Double {
    halfLifeImages.value.map { EMAHalfLife.momentum(halfLifeImages: $0, batchSize: batchSize) } ?? momentum
  }
}

/// Whether a schedule's last step approaches its final value or has it.
public enum ScheduleEnd: String, WordSetting { case approached, reached }

extension LARS.Ratio: WordSetting {}

extension ExperimentConfiguration {
  /// Settings that mean something only under some values of another; elsewhere they must keep their defaults.
  private static let owned: [(path: String, by: String, words: [String])] = [
    ("optimizer.beta1", "optimizer.name", ["adamw"]), ("optimizer.beta2", "optimizer.name", ["adamw"]),
    ("optimizer.epsilon", "optimizer.name", ["adamw"]),
    ("optimizer.momentum", "optimizer.name", ["sgd", "lars"]),
    ("optimizer.nesterov", "optimizer.name", ["sgd", "lars"]),
    ("optimizer.trustCoefficient", "optimizer.name", ["lars"]),
    ("optimizer.larsRatio", "optimizer.name", ["lars"]), ("optimizer.larsClip", "optimizer.name", ["lars"]),
    ("optimizer.larsClip", "optimizer.larsRatio", ["sum"]),
    ("training.finalLearningRate", "training.schedule", ["cosine", "linear"]),
    ("training.end", "training.schedule", ["cosine", "linear"]),
    ("training.decayEpochs", "training.schedule", ["step"]),
    ("training.decayFactor", "training.schedule", ["step"]),
    ("training.scalingBatch", "training.scaling", ["linear", "sqrt"]),
    ("ema.finalMomentum", "ema.schedule", ["cosine"]), ("ema.end", "ema.schedule", ["cosine"]),
  ]

  /// Checks that optimizer and schedules do not contradict themselves.
  func checkOptimizer() throws(ConfigurationError) {
    let defaults = ExperimentConfiguration()
    func text(_ path: String, _ configuration: ExperimentConfiguration) -> String {
      Setting.at(path).map { $0(configuration).description } ?? ""
    }
    for (path, owner, words) in Self.owned {
      let (value, word) = (text(path, self), text(owner, self))
      if value != text(path, defaults) && !words.contains(word) {
        throw .inconsistent(
          reason: "`\(path)` is \(value), which means something only where `\(owner)` is "
            + "\(words.joined(separator: " or ")); it is \(word)")
      }
    }
    if optimizer.nesterov && optimizer.momentum == 0 {
      throw .inconsistent(reason: "`optimizer.nesterov` is true, but `optimizer.momentum` is 0")
    }
    if optimizer.clipping == .global && optimizer.clip == .off {
      throw .inconsistent(reason: "`optimizer.clipping` is global, but `optimizer.clip` is off")
    }
    let drops = training.decayEpochs
    if training.schedule == .step && drops.isEmpty {
      throw .inconsistent(reason: "`training.schedule` is step, but `training.decayEpochs` is empty")
    }
    if zip(drops, drops.dropFirst()).contains(where: { $0 >= $1 }) {
      throw .inconsistent(reason: "`training.decayEpochs` is \(drops), not in rising order")
    }
  }
}
