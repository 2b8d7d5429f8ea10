/// One key of the configuration: its path, what it means, what it allows.
public struct Setting: Sendable {
  /// The keys from the outermost section on, joined by dots.
  public let path: String
  /// What it means, in a line, with its unit.
  public let summary: String
  /// What values it takes.
  public let allowed: String
  private let get: @Sendable (ExperimentConfiguration) -> SettingText
  private let set: @Sendable (inout ExperimentConfiguration, SettingText) -> Bool

  init<Value: SettingValue>(
    _ path: String, _ property: WritableKeyPath<ExperimentConfiguration, Value> & Sendable, _ summary: String,
    within range: ClosedRange<Double> = -.infinity ... .infinity
  ) {
    self.path = path
    self.summary = summary
    allowed = Value.form + Self.description(of: range)
    get = { $0[keyPath: property].text }
    set = { configuration, text in
      guard let value = Value(text), value.numbers.allSatisfy(range.contains) else { return false }
      configuration[keyPath: property] = value
      return true
    }
  }

  /// The value in a configuration, as text.
  public func callAsFunction(_ configuration: ExperimentConfiguration) -> SettingText { get(configuration) }

  /// Writes a value; false, with nothing written, if the text is not an allowed one.
  func assign(_ text: SettingText, in configuration: inout ExperimentConfiguration) -> Bool {
    set(&configuration, text)
  }

  private static let positive = Double.leastNonzeroMagnitude ... .infinity
  private static let sharePositive = Double.leastNonzeroMagnitude...1

  private static func description(of range: ClosedRange<Double>) -> String {
    func short(_ number: Double) -> String {
      number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
    }
    if range == -.infinity ... .infinity { return "" }
    if range == positive { return " above 0" }
    if range.upperBound == .infinity { return ", \(short(range.lowerBound)) or more" }
    if range.lowerBound == .leastNonzeroMagnitude { return " above 0, at most \(short(range.upperBound))" }
    return " from \(short(range.lowerBound)) to \(short(range.upperBound))"
  }

  /// Every key there is, in the order in which a configuration is written.
  public static let all: [Setting] = main + labelled + selfTaught

  private static let main: [Setting] = [
    Setting("seed", \.seed, "keys all randomness of the run", within: 0 ... .infinity),
    Setting("method", \.method, "the name of the method (emanate list methods)"),

    Setting("data.recipe", \.data.recipe, "augmentation recipe: a file, or a name (emanate list recipes)"),
    Setting(
      "data.mode", \.data.mode,
      "exact: Pillow's resampling bit for bit; fast: most levels the same, few off by 1"),
    Setting(
      "data.preparation", \.data.preparation,
      "whose mean, deviation and evaluation crop there are: the recipe's, start.weights' or the first teacher's"
    ),
    Setting(
      "data.alpha", \.data.alpha,
      "what becomes of an alpha channel: dropped, or laid over data.background"),
    Setting("data.background", \.data.background, "the colour under an alpha channel that is not dropped"),
    Setting("data.orientation", \.data.orientation, "what becomes of an EXIF orientation"),
    Setting("data.cache", \.data.cache, "where decoded images are kept from epoch to epoch"),
    Setting(
      "data.cacheSide", \.data.cacheSide,
      "short side that kept images are cut down to, in pixels; 0 for as they are",
      within: 0...65_535),
    Setting(
      "data.cacheGigabytes", \.data.cacheGigabytes,
      "greatest size of the cache, in 10^9 bytes; 0 for half of the memory or of the free disk",
      within: 0...1e6),
    Setting(
      "data.cacheFile", \.data.cacheFile,
      "the cache's file, or auto for one in the user's folder for caches"),
    Setting(
      "data.skipLimit", \.data.skipLimit, "share of unreadable files past which the run stops",
      within: 0...1),
    Setting(
      "data.prefetchBatches", \.data.prefetchBatches, "batches made ahead of the step that uses them",
      within: 1...64),
    Setting(
      "data.pixelLimit", \.data.pixelLimit, "pixels of the largest image that is decoded", within: 1...1e10),
    Setting(
      "data.views.globalSide", \.data.views.globalSide, "pixels of a global view's side", within: 1...4096),
    Setting(
      "data.views.globalArea", \.data.views.globalArea, "share of the image's area in a global view",
      within: .leastNonzeroMagnitude...1),
    Setting("data.views.locals", \.data.views.locals, "local views per image", within: 0...64),
    Setting(
      "data.views.localSide", \.data.views.localSide, "pixels of a local view's side", within: 1...4096),
    Setting(
      "data.views.localArea", \.data.views.localArea, "share of the image's area in a local view",
      within: .leastNonzeroMagnitude...1),
    Setting(
      "data.views.fixed", \.data.views.fixed,
      "sets of views of an image that epochs take in turn, the same in every run; off: new ones each epoch",
      within: 1...1e6),

    Setting("network.architecture", \.network.architecture, "the backbone (emanate list architectures)"),
    Setting("network.width", \.network.width, "width of a token", within: 1...16_384),
    Setting("network.depth", \.network.depth, "number of blocks", within: 1...256),
    Setting("network.heads", \.network.heads, "attention heads; must divide the width", within: 1...256),
    Setting(
      "network.mlpRatio", \.network.mlpRatio, "hidden width of a block's MLP over the width",
      within: .leastNonzeroMagnitude...64),
    Setting("network.patch", \.network.patch, "pixels of a patch's side", within: 1...256),
    Setting(
      "network.side", \.network.side, "pixels of the side that position embeddings are stored for",
      within: 1...4096),
    Setting(
      "network.dropPath", \.network.dropPath, "share of samples that skip the last block in training",
      within: 0...0.99),
    Setting(
      "network.positionInterpolation", \.network.positionInterpolation,
      "how position embeddings change their side"),
    Setting(
      "network.registers", \.network.registers, "register tokens of a vision transformer", within: 0...64),
    Setting(
      "network.layerScale", \.network.layerScale, "first gains of a vision transformer's LayerScale",
      within: positive),
    Setting("network.stem", \.network.stem, "how images enter a residual network: cifar is for small ones"),
    Setting(
      "network.channels", \.network.channels, "channels of a residual network's first stage",
      within: 1...4096
    ),

    Setting(
      "start.weights", \.start.weights,
      "what the backbone begins with: a run, a checkpoint, a safetensors or PyTorch file; off for random weights"
    ),
    Setting("start.network", \.start.network, "which of a run's networks start.weights means"),
    Setting(
      "start.headEpochs", \.start.headEpochs,
      "with start.weights: epochs in which only the heads learn; at most a tenth of the run",
      within: 0...1e6),
    Setting(
      "start.rampEpochs", \.start.rampEpochs,
      "with start.weights: epochs in which the backbone's learning rate then rises; at most 30 % of the run",
      within: 0...1e6),

    Setting("head.hidden", \.head.hidden, "width of the hidden layers", within: 1...65_536),
    Setting(
      "head.bottleneck", \.head.bottleneck, "width of the layer before the prototypes", within: 1...65_536),
    Setting("head.prototypes", \.head.prototypes, "number of prototypes", within: 2...4_194_304),
    Setting("head.normLastLayer", \.head.normLastLayer, "whether the prototypes' gains stay at 1"),
    Setting(
      "head.batchNorm", \.head.batchNorm,
      "whether the hidden layers are normalised over the batch (DINO's use_bn_in_head)"),

    Setting(
      "dinov2.ibotWeight", \.dinov2.ibotWeight, "weight of the loss of masked patches", within: 0...1000),
    Setting(
      "dinov2.koleoWeight", \.dinov2.koleoWeight, "weight of KoLeo's loss of a global crop",
      within: 0...1000),
    Setting(
      "dinov2.maskShare", \.dinov2.maskShare, "share of global crops with masked patches", within: 0...1),
    Setting("dinov2.maskRatio", \.dinov2.maskRatio, "share of such a crop's patches masked", within: 0...1),
    Setting(
      "dinov2.separateHeads", \.dinov2.separateHeads,
      "whether class tokens and patches have heads of their own"),

    Setting(
      "meanTeacher.labelledShare", \.meanTeacher.labelledShare, "share of each class's labels that is used",
      within: 0...1),
    Setting(
      "meanTeacher.consistencyWeight", \.meanTeacher.consistencyWeight, "weight of the consistency",
      within: 0...1e6),
    Setting(
      "meanTeacher.rampShare", \.meanTeacher.rampShare, "share of the run in which that weight rises",
      within: 0...1),

    Setting(
      "projector.hidden", \.projector.hidden,
      "width of the hidden layers of BYOL's and SimSiam's projector",
      within: 1...65_536),
    Setting(
      "projector.output", \.projector.output, "width of their projections and predictions",
      within: 1...65_536
    ),
    Setting(
      "projector.predictorHidden", \.projector.predictorHidden, "width of their predictor's hidden layer",
      within: 1...65_536),
    Setting(
      "projector.independentTarget", \.projector.independentTarget,
      "whether BYOL's target network begins with weights of its own"),

    Setting(
      "dino.studentTemperature", \.dino.studentTemperature, "student's temperature", within: positive),
    Setting(
      "dino.teacherTemperature", \.dino.teacherTemperature, "teacher's temperature", within: positive),
    Setting(
      "dino.warmupTeacherTemperature", \.dino.warmupTeacherTemperature, "teacher's temperature at first",
      within: positive),
    Setting(
      "dino.warmupTeacherTemperatureEpochs", \.dino.warmupTeacherTemperatureEpochs,
      "epochs until the teacher's temperature is reached; at most 30 % of the run", within: 0...1e6),
    Setting(
      "dino.warmupTeacherTemperatureBy", \.dino.warmupTeacherTemperatureBy,
      "whether the teacher's temperature rises from epoch to epoch (DINO) or from step to step (DINOv2)"),
    Setting("dino.centerMomentum", \.dino.centerMomentum, "momentum of the center", within: 0...1),
    Setting("dino.centering", \.dino.centering, "how the teacher's outputs are centered"),
    Setting(
      "dino.koleoWeight", \.dino.koleoWeight,
      "weight of KoLeo's loss, which spreads the features of a global view (DINOv2); the method dino has none",
      within: 0...1000),
    Setting(
      "dino.freezeLastLayerEpochs", \.dino.freezeLastLayerEpochs,
      "epochs without gradients for the last layer",
      within: 0...1e6),

    Setting(
      "ema.momentum", \.ema.givenMomentum,
      "teacher's momentum at the first step; of meanTeacher the greatest",
      within: 0...1),
    Setting(
      "ema.halfLifeImages", \.ema.halfLifeImages,
      "images after which half of the teacher is newer students, 0.5^(batch / images) in place of the momentum; "
        + "of the two the later one given counts", within: positive),
    Setting(
      "ema.schedule", \.ema.schedule,
      "what the teacher's momentum does: a cosine to the final one, constant, or meanTeacher's min(1 - 1/(n + 1))"
    ),
    Setting(
      "ema.finalMomentum", \.ema.finalMomentum,
      "teacher's momentum that the last step of a cosine approaches",
      within: 0...1),
    Setting("ema.end", \.ema.end, "whether the last step approaches the final momentum or has it"),

    Setting("optimizer.name", \.optimizer.name, "the optimizer"),
    Setting(
      "optimizer.momentum", \.optimizer.momentum, "share of the old direction that sgd and lars keep",
      within: 0...0.999_999),
    Setting("optimizer.nesterov", \.optimizer.nesterov, "whether sgd and lars step in Nesterov's form"),
    Setting(
      "optimizer.trustCoefficient", \.optimizer.trustCoefficient,
      "lars: length of a step over the weights'",
      within: positive),
    Setting(
      "optimizer.larsRatio", \.optimizer.larsRatio,
      "lars: weights' length over that of the decayed gradient (update: BYOL, DINO), or over the sum of lengths "
        + "(sum: solo-learn)"),
    Setting(
      "optimizer.larsClip", \.optimizer.larsClip,
      "lars with ratio sum: no parameter's rate above the run's (LARC, solo-learn's clip_lr)"),
    Setting("optimizer.beta1", \.optimizer.beta1, "momentum of the first moment", within: 0...0.999_999),
    Setting("optimizer.beta2", \.optimizer.beta2, "momentum of the second moment", within: 0...0.999_999),
    Setting(
      "optimizer.epsilon", \.optimizer.epsilon, "added to the root of the second moment", within: positive),
    Setting(
      "optimizer.weightDecay", \.optimizer.weightDecay, "weight decay at the first step", within: 0...10),
    Setting(
      "optimizer.finalWeightDecay", \.optimizer.finalWeightDecay,
      "weight decay that the last step approaches",
      within: 0...10),
    Setting(
      "optimizer.undecayed", \.optimizer.undecayed,
      "parameters without decay beside biases and norms, by parts of their names: [cls_token, pos_embed]"),
    Setting(
      "optimizer.layerDecay", \.optimizer.layerDecay,
      "what a backbone's layer has of the rate of the layer above; 1 for all the same",
      within: sharePositive),
    Setting(
      "optimizer.patchEmbedRate", \.optimizer.patchEmbedRate,
      "multiplies the patch embedding's learning rate", within: 0...1000),
    Setting(
      "optimizer.lastLayerRate", \.optimizer.lastLayerRate,
      "multiplies the learning rate of a head's last layer", within: 0...1000),
    Setting(
      "optimizer.constantRate", \.optimizer.constantRate,
      "parameters that keep the peak learning rate, by parts of their names: [predictor] (SimSiam)"),
    Setting("optimizer.clip", \.optimizer.clip, "largest norm of a gradient", within: positive),
    Setting(
      "optimizer.clipping", \.optimizer.clipping,
      "whether the clip bounds each parameter's gradient (DINO) or all together (lightly)"),

    Setting("training.epochs", \.training.givenEpochs, "passes over the data", within: 1...1e6),
    Setting(
      "training.steps", \.training.steps,
      "steps, in place of epochs; of the two the later one given counts",
      within: 1...1e12),
    Setting("training.batchSize", \.training.batchSize, "images per step", within: 1...1_048_576),
    Setting(
      "training.learningRate", \.training.learningRate,
      "peak learning rate per training.scalingBatch images",
      within: 0...1000),
    Setting(
      "training.scaling", \.training.scaling,
      "how the learning rate follows the batch: times images / scalingBatch, times its root, or not at all"),
    Setting(
      "training.scalingBatch", \.training.scalingBatch, "images that the learning rate is stated for",
      within: 1...1_048_576),
    Setting("training.schedule", \.training.schedule, "what the learning rate does after its warm-up"),
    Setting(
      "training.finalLearningRate", \.training.finalLearningRate,
      "learning rate that the last step approaches, not scaled by the batch", within: 0...1000),
    Setting(
      "training.end", \.training.end, "whether the last step approaches the final learning rate or has it"),
    Setting(
      "training.decayEpochs", \.training.decayEpochs,
      "schedule step: epochs from which on the learning rate is lower, [60, 80] say", within: 1...1e6),
    Setting(
      "training.decayFactor", \.training.decayFactor,
      "schedule step: what the learning rate is multiplied with at each of decayEpochs",
      within: sharePositive
    ),
    Setting(
      "training.warmupEpochs", \.training.warmupEpochs,
      "epochs in which the learning rate rises; at most a tenth of the run", within: 0...1e6),
    Setting(
      "training.warmupLearningRate", \.training.warmupLearningRate,
      "learning rate that the warm-up starts from, not scaled by the batch", within: 0...1000),
    Setting(
      "training.warmupForm", \.training.warmupForm,
      "step i of n is at i/(n-1) of the way (dino), i/n (byol) or (i+1)/n (lightly)"),
    Setting("training.precision", \.training.precision, "numbers that products are computed with"),
    Setting(
      "training.emulateBfloat16", \.training.emulateBfloat16,
      "whether bfloat16 is computed on a processor without instructions for it: less memory, no less time"),
    Setting(
      "training.recompute", \.training.recompute,
      "whether a block's inside is computed twice in place of being kept in memory"),
    Setting(
      "training.batchParts", \.training.batchParts,
      "parts in which a batch is computed, one after the other, to save memory", within: 1...1_048_576),
    Setting(
      "training.checkpointEverySteps", \.training.checkpointEverySteps, "steps between checkpoints",
      within: 1...1e12),
    Setting(
      "training.checkpointsKept", \.training.checkpointsKept, "checkpoints that are kept",
      within: 1...10_000),

    Setting(
      "collapse.everySteps", \.collapse.everySteps, "steps between looks at features for collapse",
      within: 1...1e12),
    Setting(
      "collapse.stop", \.collapse.stop, "whether a collapse that two looks in a row have seen ends the run"),

    Setting(
      "knn.everySteps", \.knn.everySteps, "steps between votes of nearest neighbours on labelled images",
      within: 1...1e12),
    Setting(
      "knn.train", \.knn.train,
      "folder of labelled images that vote; off for 80 % of the run's own class folders"),
    Setting(
      "knn.test", \.knn.test,
      "folder of labelled images that are tested; off for 20 % of the run's own class folders"),
    Setting(
      "knn.images", \.knn.images, "most images that are taken of a folder, at random under the seed",
      within: 2...1e7),
    Setting("knn.k", \.knn.k, "neighbours that vote", within: 1...1e6),

    Setting(
      "logging.everySteps", \.logging.everySteps, "steps between lines of metrics.jsonl", within: 1...1e12),
    Setting(
      "logging.layersEverySteps", \.logging.layersEverySteps,
      "steps between looks at each layer's gradient and at the distance of student and teacher",
      within: 1...1e12),
    Setting(
      "logging.timesEverySteps", \.logging.timesEverySteps,
      "steps that a line of times.jsonl tells the time of", within: 1...1e12),
    Setting(
      "logging.tensorboard", \.logging.tensorboard,
      "whether the run's folder gets event files that TensorBoard reads: numbers, sample views, settings"),
  ]

  /// The setting of this path; nil if there is none.
  public static func at(_ path: String) -> Setting? { all.first { $0.path == path } }

  /// Whether a path names a group of settings.
  static func isSection(_ path: String) -> Bool { all.contains { $0.path.hasPrefix(path + ".") } }
}
