import EmanateConfiguration
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// Times whole DINO training steps on random views: forward of teacher and student, loss, backward,
/// per-tensor clipping, optimizer, EMA, center. Nothing is decoded. `Benchmarks/peers/dino_step.py` does the same
/// in PyTorch.
public struct StepBenchmark {
  /// What is measured.
  public struct Options: Sendable {
    /// The backbone.
    public var sizes = VisionTransformerSizes(width: 192, depth: 12, heads: 3, dropPath: 0.1)
    /// The head.
    public var head = DINOHeadSizes()
    /// The side of the two global views, in pixels.
    public var globalSide = 224
    /// The side of the local views, in pixels.
    public var localSide = 96
    /// Local views an image.
    public var locals = 8
    /// Images a step.
    public var batch = 8
    /// Steps to take; the first two warm up.
    public var steps = 8
    /// Keys weights, views and drop-path.
    public var seed: UInt64 = 0
    /// Whether a block's inside is computed twice in place of being kept in memory.
    public var recomputes = false
    /// In how many parts a batch is computed.
    public var batchParts = 1
    /// The optimizer with its settings.
    public var optimizer = OptimizerSettings()
    /// What products are computed with.
    public var precision = Precision.float32
    /// Whether the steps after the warm-up are profiled.
    public var profiles = false
    /// ViT-Ti/16 with DINO's head on 2 x 224 + 8 x 96 pixels, batch 8.
    public init() {}
  }

  /// What was found.
  public struct Result: Sendable {
    /// Seconds of each step, warm-up included.
    public let seconds: [Double]
    /// The median of the steps after two of warm-up.
    public let medianSeconds: Double
    /// Images of a batch over the median step.
    public let imagesPerSecond: Double
    /// The last step's loss.
    public let loss: Double
    /// Numbers in the student, frozen gains included.
    public let parameters: Int
    /// Memory blocks taken from the system during the last step; 0 in the steady state.
    public let allocationsInLastStep: Int
    /// Where the bytes are at a step's peak, largest parts last: what, and how many.
    public let memory: [(part: String, bytes: Int)]
    /// Where the time of the steps after the warm-up went, if that was asked for.
    public let profile: StepProfile?
  }

  /// Runs the steps and times them with `clock`, a function that gives seconds.
  ///
  /// - Throws: `TrainingError`: a loss that is not finite, or a setting of the optimizer that fits no parameter.
  public static func run(_ options: Options, clock: () -> Double) throws(TrainingError) -> Result {
    let scope = ParameterScope()
    let encoder = Encoder(scope, backbone: VisionTransformer(scope, options.sizes), head: options.head)
    let store = ParameterStore(scope)
    store.initialize(seed: options.seed)
    let method = DINO(
      encoder: encoder, student: store, criterion: DINOLoss(prototypes: options.head.prototypes))
    var step = TrainingStep(
      method, optimizer: try options.optimizer.optimizer(of: store), seed: options.seed,
      memory: .init(recomputes: options.recomputes, parts: options.batchParts), precision: options.precision)
    let buffers = step.optimizer.state.count
    let views = Views(
      groups: [
        noise(images: 2 * options.batch, side: options.globalSide, options),
        noise(images: options.locals * options.batch, side: options.localSide, options),
      ], globalViews: 2)
    var seconds: [Double] = []
    var loss = 0.0
    var allocations = 0
    let warmUp = options.steps > 2 ? 2 : 0
    for index in 0..<options.steps {
      let now = Moment(
        step: index, epoch: 0, learningRate: 1e-3, weightDecay: 0.01, teacherMomentum: 0.996,
        teacherTemperature: 0.04,
        isLastLayerFrozen: false, clip: 3)
      if options.profiles && index == warmUp { Profile.shared.begin() }
      let before = BufferPool.shared.freshAllocations
      let start = clock()
      loss = try step(views, now).loss
      seconds.append(clock() - start)
      allocations = BufferPool.shared.freshAllocations - before
    }
    let profile = options.profiles ? Profile.shared.end() : []
    let counted = seconds[warmUp...].sorted()
    let median = counted[counted.count / 2]
    // The products' own memory must not show in the process's peak.
    BufferPool.shared.drain()
    let flat = 4 * store.flatShape.count
    let inputs = 4 * views.groups.reduce(0) { $0 + $1.count }
    return Result(
      seconds: seconds, medianSeconds: median, imagesPerSecond: Double(options.batch) / median, loss: loss,
      parameters: store.parameterCount, allocationsInLastStep: allocations,
      memory: [
        ("student", flat), ("teacher", flat), ("gradients", flat), ("state of the optimizer", buffers * flat),
        ("views", inputs),
        (
          "activations, logits and working memory",
          BufferPool.shared.peakBytesInUse - (3 + buffers) * flat - inputs
        ),
      ],
      profile: options.profiles
        ? StepProfile(
          lines: profile, steps: counted.count, seconds: counted.reduce(0, +),
          precision: options.precision, clock: clock) : nil)
  }

  private static func noise(images: Int, side: Int, _ options: Options) -> Tensor {
    let patch = options.sizes.patch
    let tokens = (side / patch) * (side / patch)
    var generator = KeyedGenerator(seed: options.seed, purpose: .views, side)
    let count = images * tokens * 3 * patch * patch
    return Tensor((0..<count).map { _ in Float(generator.normal()) }, [images, tokens, 3 * patch * patch])
  }
}
