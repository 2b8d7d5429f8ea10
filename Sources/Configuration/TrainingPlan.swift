import EmanateOptimization
import Foundation

/// How long a run is and what every schedule is, for a configuration and a number of images.
public struct TrainingPlan: Hashable, Sendable {
  /// Images in the data, those of the incomplete last batch included.
  public let images: Int
  /// Images per step.
  public let batchSize: Int
  /// Steps in one pass over the data; an incomplete last batch is dropped.
  public let stepsPerEpoch: Int
  /// Steps in the whole run.
  public let steps: Int
  /// The learning rate per step, after the batch-size rule.
  public let learningRate: Schedule
  /// The weight decay per step.
  public let weightDecay: Schedule
  /// The momentum of the teacher's moving average per step.
  public let teacherMomentum: Schedule
  /// The temperature of the teacher's softmax per step.
  public let teacherTemperature: Schedule
  /// What the backbone's learning rate is multiplied with per step: 0 while only heads learn, then rising to 1.
  public let backboneRate: Schedule
  /// For how many steps from the start the gradients of the last layer are dropped.
  public let lastLayerFrozenSteps: Int
  /// The largest norm that each parameter's gradient is allowed; nil when gradients are not clipped.
  public let clip: Double?
  /// Whether `clip` bounds the norm of all gradients together in place of each parameter's.
  public let clipsGlobally: Bool
  /// The greatest learning rate of the run, after the batch-size rule.
  public let peakLearningRate: Double
  /// What was changed from the configuration because the run is too short for it, a sentence each.
  public let warnings: [String]
  /// What follows from the configuration and does not stand in it, a sentence each.
  public let remarks: [String]

  /// Passes over the data, the last one possibly not whole.
  public var epochs: Double { Double(steps) / Double(stepsPerEpoch) }

  /// The plan of a run over `images` images.
  ///
  /// A warm-up longer than a tenth (learning rate) or 30 % (teacher temperature) of the run is cut to that,
  /// as lightly-train does, with a warning.
  public init(_ configuration: ExperimentConfiguration, images: Int) throws(ConfigurationError) {
    let training = configuration.training
    let dino = configuration.dino
    if images < training.batchSize { throw .tooFewImages(images: images, batchSize: training.batchSize) }
    var warnings: [String] = []
    let stepsPerEpoch = images / training.batchSize
    let steps = training.steps.value ?? training.epochs * stepsPerEpoch

    var warmup = training.warmupEpochs * stepsPerEpoch
    if warmup > steps / 10 {
      warnings.append(
        "training.warmupEpochs: \(Self.being(training.warmupEpochs)) \(warmup) steps, more than a tenth of the "
          + "run's \(steps); cut to \(steps / 10) steps")
      warmup = steps / 10
    }
    for epoch in training.decayEpochs where epoch * stepsPerEpoch >= steps {
      warnings.append(
        "training.decayEpochs: epoch \(epoch) is past the run's \(steps) steps (\(stepsPerEpoch) an epoch); the "
          + "learning rate does not fall there")
    }
    if configuration.optimizer.name != .adamw && configuration.optimizer.weightDecay > 0.01 {
      warnings.append(
        "optimizer.weightDecay: \(configuration.optimizer.weightDecay) is much for "
          + "\(configuration.optimizer.name.rawValue), which adds it to the gradient; published runs have 0.0005 or less"
      )
    }
    var temperatureEpochs = dino.warmupTeacherTemperatureEpochs
    let longest = 3 * steps / (10 * stepsPerEpoch)
    // Other methods have neither; their configurations keep the defaults.
    let hasPrototypes = configuration.method.hasPrefix("dino")
    if temperatureEpochs > longest {
      if hasPrototypes {
        warnings.append(
          "dino.warmupTeacherTemperatureEpochs: \(Self.being(temperatureEpochs)) more than 30 % of the run's "
            + "\(steps) steps (\(stepsPerEpoch) an epoch); cut to \(longest) epochs")
      }
      temperatureEpochs = longest
    }
    backboneRate = Self.backboneRate(configuration.start, steps, stepsPerEpoch, &warnings)
    lastLayerFrozenSteps = min(steps, dino.freezeLastLayerEpochs * stepsPerEpoch)
    if hasPrototypes && lastLayerFrozenSteps == steps {
      warnings.append(
        "dino.freezeLastLayerEpochs: the last layer stays frozen for all \(steps) steps of the run; 0 trains it"
      )
    }

    self.images = images
    batchSize = training.batchSize
    self.stepsPerEpoch = stepsPerEpoch
    self.steps = steps
    self.warnings = warnings
    clip = configuration.optimizer.clip.value
    clipsGlobally = configuration.optimizer.clipping == .global
    peakLearningRate = training.scaling(
      training.learningRate, batchSize: training.batchSize, reference: training.scalingBatch)
    learningRate = training.learningRate(
      peak: peakLearningRate, warmup: warmup, steps: steps, stepsPerEpoch: stepsPerEpoch)
    weightDecay = .cosine(
      from: configuration.optimizer.weightDecay, to: configuration.optimizer.finalWeightDecay, steps: steps)
    teacherMomentum = configuration.ema.momentum(batchSize: training.batchSize, steps: steps)
    teacherTemperature = dino.teacherTemperature(epochs: temperatureEpochs, stepsPerEpoch: stepsPerEpoch)
    remarks =
      configuration.ema.halfLifeImages.value.map {
        [
          String(
            format: "ema.halfLifeImages: %.6g images are a teacher's momentum of %.6g in batches of %ld", $0,
            configuration.ema.momentum(batchSize: training.batchSize), training.batchSize)
        ]
      } ?? []
  }

  /// `1 epoch is`, `5 epochs are`.
  private static func being(_ epochs: Int) -> String { epochs == 1 ? "1 epoch is" : "\(epochs) epochs are" }

  /// The backbone's share of the learning rate: 1 throughout but for a run that begins with given weights.
  private static func backboneRate(
    _ start: StartSettings, _ steps: Int, _ stepsPerEpoch: Int, _ warnings: inout [String]
  ) -> Schedule {
    if start.weights == .off { return .constant(1) }
    func cut(_ key: String, _ epochs: Int, to longest: Int, _ share: String) -> Int {
      if epochs * stepsPerEpoch <= longest { return epochs * stepsPerEpoch }
      warnings.append(
        "start.\(key): \(being(epochs)) \(epochs * stepsPerEpoch) steps, more than \(share) of the run's "
          + "\(steps); cut to \(longest) steps")
      return longest
    }
    let frozen = cut("headEpochs", start.headEpochs, to: steps / 10, "a tenth")
    let ramp = cut("rampEpochs", start.rampEpochs, to: 3 * steps / 10, "30 %")
    let rise: Schedule =
      ramp == 0 ? .constant(1) : .warmedUp(from: 0, steps: ramp, form: .lightly, then: .constant(1))
    return .delayed(0, steps: frozen, then: rise)
  }

  /// The value of everything that is scheduled at a step, counted from 0.
  public func moment(_ step: Int) -> Moment {
    Moment(
      step: step, epoch: step / stepsPerEpoch, learningRate: learningRate(step),
      weightDecay: weightDecay(step),
      teacherMomentum: teacherMomentum(step), teacherTemperature: teacherTemperature(step),
      isLastLayerFrozen: step < lastLayerFrozenSteps, clip: clip, clipsGlobally: clipsGlobally,
      peakLearningRate: peakLearningRate, backboneRate: backboneRate(step),
      progress: Double(step) / Double(steps))
  }

  /// The schedules by the names that reports give them.
  public var schedules: [(name: String, schedule: Schedule)] {
    [
      ("learning rate", learningRate), ("weight decay", weightDecay), ("teacher momentum", teacherMomentum),
      ("teacher temperature", teacherTemperature),
    ] + (backboneRate == .constant(1) ? [] : [("backbone's share of the learning rate", backboneRate)])
  }
}
