import EmanateImages
import EmanateNetworks
import EmanateOptimization
import EmanateTensors

/// Everything that decides what a run does; a new value holds the defaults.
///
/// The keys of YAML files and of `--set` are the properties' names joined by dots: `training.batchSize`. What
/// each key means and allows stands in `Setting.all`. Defaults are DINO's (Caron et al. 2021,
/// arXiv:2104.14294) where it has one.
public struct ExperimentConfiguration: Hashable, Sendable {
  /// Keys all randomness of the run.
  public var seed = 0
  /// The name of the method.
  public var method = "dino"
  /// Where images come from and how views are made of them.
  public var data = DataSettings()
  /// The backbone.
  public var network = NetworkSettings()
  /// What the backbone begins with.
  public var start = StartSettings()
  /// The projection head behind the backbone.
  public var head = HeadSettings()
  /// DINO's loss.
  public var dino = DINOSettings()
  /// DINOv2's further losses.
  public var dinov2 = DINOv2Settings()
  /// Mean Teacher.
  public var meanTeacher = MeanTeacherSettings()
  /// Learning from labels.
  public var supervised = SupervisedSettings()
  /// Labelled images held out of a supervised run.
  public var validation = ValidationSettings()
  /// Knowledge distillation.
  public var distill = DistillationSettings()
  /// BYOL's and SimSiam's heads.
  public var projector = ProjectorSettings()
  /// The teacher's moving average.
  public var ema = EMASettings()
  /// The optimizer.
  public var optimizer = OptimizerSettings()
  /// The loop.
  public var training = TrainingSettings()
  /// The watch over collapse.
  public var collapse = CollapseSettings()
  /// Nearest neighbours while it runs.
  public var knn = KNNSettings()
  /// What is written down while it runs.
  public var logging = LoggingSettings()

  /// The defaults.
  public init() {}
}

/// Where images come from and how views are made of them.
public struct DataSettings: Hashable, Sendable {
  /// A recipe's file or embedded name.
  public var recipe = "dino"
  /// How images become views.
  public var mode = DataMode.fast
  /// Whose mean and deviation images are normalised with, and how much of an image is seen when it is judged.
  public var preparation = PreparationRule.recipe
  /// What becomes of an alpha channel.
  public var alpha = AlphaRule.drop
  /// The colour under an alpha channel that is not dropped.
  public var background = Color.white
  /// What becomes of an EXIF orientation.
  public var orientation = OrientationRule.ignore
  /// Where decoded images are kept from epoch to epoch.
  public var cache = CacheRule.off
  /// The short side to which images are cut down before they are kept, in pixels; 0 keeps them as they are.
  public var cacheSide = 512
  /// The cache's size in units of 10^9 bytes; 0 takes up to half of the machine's memory or of the free disk.
  public var cacheGigabytes = 0.0
  /// The cache's file, or `auto` for one in the user's folder for caches.
  public var cacheFile = "auto"
  /// The share of unreadable files past which a run stops, 0...1.
  public var skipLimit = 0.01
  /// How many batches may be made ahead of the step that uses them.
  public var prefetchBatches = 2
  /// The largest image that is decoded, in pixels.
  public var pixelLimit = 100_000_000
  /// The sizes that replace the recipe's.
  public var views = ViewSettings()

  /// Whose mean, deviation and evaluation crop there are: the recipe's, those that `start.weights` learned with, or
  /// those of the first of `distill.teachers`.
  public enum PreparationRule: String, WordSetting { case recipe, weights, teacher }
  /// Where decoded images are kept.
  public enum CacheRule: String, WordSetting { case off, memory, file }
  /// What becomes of an alpha channel.
  public enum AlphaRule: String, WordSetting { case drop, over }
  /// What becomes of an EXIF orientation.
  public enum OrientationRule: String, WordSetting { case ignore, apply }
}

/// Sizes, counts and areas of the views, where they are to differ from the recipe's.
public struct ViewSettings: Hashable, Sendable {
  /// The side of a global view, in pixels.
  public var globalSide = RecipeOr<Int>.recipe
  /// The share of the image's area that a global view covers.
  public var globalArea = RecipeOr<ClosedRange<Double>>.recipe
  /// How many local views there are.
  public var locals = RecipeOr<Int>.recipe
  /// The side of a local view, in pixels.
  public var localSide = RecipeOr<Int>.recipe
  /// The share of the image's area that a local view covers.
  public var localArea = RecipeOr<ClosedRange<Double>>.recipe
  /// How many views of an image the epochs take in turn, the same in every run, in place of new ones each epoch.
  public var fixed = OffOr<Int>.off
}

/// The backbone.
public struct NetworkSettings: Hashable, Sendable {
  /// The architecture by name.
  public var architecture = Architecture.vitTiny
  /// The width of a token, instead of the architecture's.
  public var width = PresetOr<Int>.preset
  /// The number of blocks, instead of the architecture's.
  public var depth = PresetOr<Int>.preset
  /// The number of attention heads, instead of the architecture's.
  public var heads = PresetOr<Int>.preset
  /// The hidden width of a block's MLP, as a multiple of the width.
  public var mlpRatio = 4.0
  /// The side of a patch, in pixels.
  public var patch = 16
  /// The side of the images that the position embeddings are stored for, in pixels.
  public var side = 224
  /// The share of samples whose last block is skipped in training; rises linearly from 0 at the first block.
  public var dropPath = 0.1
  /// How position embeddings are brought to another side.
  public var positionInterpolation = PositionInterpolation.dino

  /// Register tokens of a vision transformer.
  public var registers = 0
  /// The first gains of a vision transformer's LayerScale.
  public var layerScale = OffOr<Double>.off
  /// How images enter a residual network.
  public var stem = ResNetSizes.Stem.imageNet
  /// The channels of a residual network's first stage, instead of 64.
  public var channels = PresetOr<Int>.preset

  /// The name of an architecture.
  public struct Architecture: WordSetting, Hashable, Sendable {
    /// As `emanate list architectures` says it.
    public let rawValue: String

    /// One of the registry's names, or nil.
    public init?(rawValue: String) {
      guard ArchitectureRegistry.entry(named: rawValue) != nil else { return nil }
      self.rawValue = rawValue
    }

    private init(known name: String) { rawValue = name }

    /// Every name.
    public static let allCases = ArchitectureRegistry.all.map { Architecture(known: $0.name) }
    /// 192 wide, 12 blocks, 3 heads.
    public static let vitTiny = Architecture(known: "vit_tiny")

    /// Whether images enter in patches.
    public var isTransformer: Bool { VisionTransformerSizes.presets.contains { $0.name == rawValue } }

    /// The architecture with what else was chosen.
    public func callAsFunction(
      _ choices: ArchitectureChoices = ArchitectureChoices()
    ) -> any EmanateNetworks.Architecture {
      ArchitectureRegistry.entry(named: rawValue)!.make(choices)
    }
  }

  /// Width and heads of a vision transformer, or nil.
  public var transformerWidth: (width: Int, heads: Int)? {
    guard let preset = VisionTransformerSizes.presets.first(where: { $0.name == architecture.rawValue })
    else {
      return nil
    }
    return (width.value ?? preset.width, heads.value ?? preset.heads)
  }

  /// What was chosen besides the name. `dropPath` holds in training only.
  public var choices: ArchitectureChoices {
    var choices = ArchitectureChoices()
    (choices.width, choices.depth, choices.heads) = (width.value, depth.value, heads.value)
    (choices.mlpRatio, choices.patch, choices.side) = (mlpRatio, patch, side)
    (choices.dropPath, choices.positionInterpolation) = (dropPath, positionInterpolation)
    (choices.registers, choices.layerScale) = (registers, layerScale.value)
    (choices.stem, choices.channels) = (stem, channels.value)
    return choices
  }

  /// The architecture with its sizes. Valid after `ExperimentConfiguration.check()`.
  public var chosen: any EmanateNetworks.Architecture { architecture(choices) }

  /// The side of the patches in which images enter: `patch`, or 1 for networks of convolutions.
  public var imagePatch: Int { architecture.isTransformer ? patch : 1 }
}

/// The sizes of DINO's projection head.
public struct HeadSettings: Hashable, Sendable {
  /// The width of the hidden layers.
  public var hidden = 2048
  /// The width of the normalised layer before the prototypes.
  public var bottleneck = 256
  /// The number of prototypes, K.
  public var prototypes = 65_536
  /// Whether the prototypes' gains stay at 1.
  public var normLastLayer = true
  /// Whether the hidden layers are normalised over the batch.
  public var batchNorm = false
}

/// DINO's loss.
public struct DINOSettings: Hashable, Sendable {
  /// The student's temperature.
  public var studentTemperature = 0.1
  /// The teacher's temperature after its warm-up.
  public var teacherTemperature = 0.04
  /// The teacher's temperature in the first epoch of its warm-up.
  public var warmupTeacherTemperature = 0.04
  /// How many epochs the teacher's temperature takes.
  public var warmupTeacherTemperatureEpochs = 0
  /// Whether the teacher's temperature rises from epoch to epoch or from step to step.
  public var warmupTeacherTemperatureBy = Interval.epoch
  /// The momentum of the center.
  public var centerMomentum = 0.9
  /// How the teacher's outputs are kept from one-hot collapse.
  public var centering = Centering.ema
  /// The weight of KoLeo's loss of each global view, as in DINOv2; DINO has none of it.
  public var koleoWeight = 0.0
  /// For how many epochs the gradients of the last layer are dropped.
  public var freezeLastLayerEpochs = 1

  /// How the teacher's outputs are kept from one-hot collapse.
  public enum Centering: String, WordSetting { case ema, sinkhorn, off }
  /// When a value changes.
  public enum Interval: String, WordSetting { case epoch, step }
}

/// The loop.
public struct TrainingSettings: Hashable, Sendable {
  /// The number of passes over the data; not used while `steps` is on.
  public var epochs = 100
  /// The number of steps, in place of `epochs`.
  public var steps = OffOr<Int>.off
  /// Images per step.
  public var batchSize = 64
  /// The peak learning rate, per `scalingBatch` images.
  public var learningRate = 0.0005
  /// How the learning rate follows the batch.
  public var scaling = LearningRateScaling.linear
  /// The images that the learning rate is stated for.
  public var scalingBatch = 256
  /// What the learning rate does after its warm-up.
  public var schedule = RateSchedule.cosine
  /// The learning rate that the last step approaches; not scaled by the batch.
  public var finalLearningRate = 1e-6
  /// Whether the last step has the final learning rate itself.
  public var end = ScheduleEnd.approached
  /// The epochs from which on the learning rate is lower.
  public var decayEpochs: [Int] = []
  /// What the learning rate is multiplied with at each of `decayEpochs`.
  public var decayFactor = 0.1
  /// How many epochs the learning rate rises.
  public var warmupEpochs = 10
  /// The learning rate that the warm-up starts from; not scaled by the batch.
  public var warmupLearningRate = 0.0
  /// Where the warm-up's points lie on its line.
  public var warmupForm = Schedule.WarmUp.dino
  /// The numbers that are computed with.
  public var precision = Precision.float32
  /// Whether bfloat16 is computed on a processor without instructions for it.
  public var emulateBfloat16 = false
  /// Whether a block's inside is computed once more in the backward pass in place of being kept in memory.
  public var recompute = false
  /// In how many parts, one after the other, a batch goes through the networks; the step is the undivided batch's.
  public var batchParts = 1
  /// How many steps lie between two checkpoints.
  public var checkpointEverySteps = 500
  /// How many checkpoints are kept.
  public var checkpointsKept = 3

  /// What a learning rate does after its warm-up.
  public enum RateSchedule: String, WordSetting { case cosine, linear, constant, step }

  /// The epochs as a given setting: giving them switches `steps` off, because both are one setting.
  var givenEpochs: Int {
    get { epochs }
    set { (epochs, steps) = (newValue, .off) }
  }
}

/// What is written down while a run goes on.
public struct LoggingSettings: Hashable, Sendable {
  /// How many steps lie between two lines of the metrics.
  public var everySteps = 1
  /// How many steps lie between two looks at the length of each layer's gradient and at the way from student to teacher;
  /// off for none. Our choice: two sweeps over the weights every 50 steps do not show.
  public var layersEverySteps = OffOr<Int>.on(50)
  /// How many steps a line of `times.jsonl` tells the time of; off for none.
  public var timesEverySteps = OffOr<Int>.on(50)
  /// Whether event files for TensorBoard are written as well.
  public var tensorboard = false
}

extension DataMode: WordSetting {}
extension PositionInterpolation: WordSetting {}
extension Precision: WordSetting {}
extension ResNetSizes.Stem: WordSetting {}
extension LearningRateScaling: WordSetting {}
extension Schedule.WarmUp: WordSetting {}
