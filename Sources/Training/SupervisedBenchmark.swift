import EmanateAutograd
import EmanateConfiguration
import EmanateKernels
import EmanateNetworks
import EmanateOptimization
import EmanateTensors

/// Times whole supervised training steps of a backbone with a linear classifier on random images: forward, cross-entropy,
/// backward, SGD with momentum. Nothing is decoded. `Benchmarks/peers/convnet_train.py` does the same in PyTorch.
public struct SupervisedBenchmark {
  /// What is measured.
  public struct Options: Sendable {
    /// The backbone.
    public var architecture: any Architecture
    /// Images a step, and classes.
    public var batch = 16, classes = 1000
    /// Steps to take; the first two warm up.
    public var steps = 8
    /// Keys weights and images.
    public var seed: UInt64 = 0
    /// What products are computed with.
    public var precision = Precision.float32
    /// Whether the steps after the warm-up are profiled.
    public var profiles = false

    /// A backbone with what is usual.
    public init(_ architecture: any Architecture) { self.architecture = architecture }
  }

  /// What was found.
  public struct Result: Sendable {
    /// The median of the steps after two of warm-up, and the quickest, in seconds.
    public let medianSeconds, leastSeconds: Double
    /// The last step's loss.
    public let loss: Double
    /// Numbers in the network.
    public let parameters: Int
    /// Memory blocks taken from the system during the last step; 0 in the steady state.
    public let allocationsInLastStep: Int
    /// Where the time of the steps after the warm-up went, if that was asked for.
    public let profile: StepProfile?
  }

  /// Runs the steps and times them with `clock`, a function that gives seconds.
  ///
  /// - Throws: `TrainingError.lossNotFinite`.
  public static func run(_ options: Options, clock: () -> Double) throws(TrainingError) -> Result {
    let scope = ParameterScope()
    let backbone = options.architecture.backbone(scope)
    let classifier = Linear(scope.scope("fc"), from: backbone.width, to: options.classes)
    let store = ParameterStore(scope)
    store.initialize(seed: options.seed)
    var optimizer = SGD(store, SGD.Options())
    let (patch, side) = (options.architecture.patch, options.architecture.side)
    let tokens = (side / patch) * (side / patch)
    var generator = KeyedGenerator(seed: options.seed, purpose: .views, side)
    let images = Tensor(
      (0..<options.batch * tokens * 3 * patch * patch).map { _ in Float(generator.normal()) },
      [options.batch, tokens, 3 * patch * patch])
    let labels = (0..<options.batch).map { $0 * 7919 % options.classes }
    var gradients = Tensor(repeating: 0, store.flatShape)
    var seconds: [Double] = []
    var (loss, allocations) = (0.0, 0)
    let warmUp = options.steps > 2 ? 2 : 0
    for index in 0..<options.steps {
      if options.profiles && index == warmUp { Profile.shared.begin() }
      let before = BufferPool.shared.freshAllocations
      let start = clock()
      let updates: [BufferUpdate]
      do {
        let tape = Tape()
        let pass = Pass(
          store, tape: tape, mode: .training, seed: options.seed, step: index, precision: options.precision)
        let features = backbone.features(images, first: 0, pass)
        let value = crossEntropy(classifier(features, pass), labels: labels)
        loss = Double(value.scalar)
        guard loss.isFinite else {
          tape.discard()
          throw .lossNotFinite(step: index, value: loss)
        }
        tape.backward(from: value, leavesInto: &gradients)
        updates = pass.bufferUpdates
      }
      store.apply(updates)
      optimizer.step(store, gradients: gradients, learningRate: 0.01, weightDecay: 0)
      seconds.append(clock() - start)
      allocations = BufferPool.shared.freshAllocations - before
    }
    let profile = options.profiles ? Profile.shared.end() : []
    let counted = seconds[warmUp...].sorted()
    return Result(
      medianSeconds: counted[counted.count / 2], leastSeconds: counted[0], loss: loss,
      parameters: store.parameterCount, allocationsInLastStep: allocations,
      profile: options.profiles
        ? StepProfile(
          lines: profile, steps: counted.count, seconds: counted.reduce(0, +),
          precision: options.precision, clock: clock) : nil)
  }
}
