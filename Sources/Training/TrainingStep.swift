import EmanateAutograd
import EmanateMethods
import EmanateNetworks
import EmanateOptimization
import EmanateTensors

/// One step of training: loss, gradients, clipping, optimizer, and what the method does afterwards.
public struct TrainingStep<M: Method> {
  /// The method with its networks and its state.
  public private(set) var method: M
  /// The optimizer with its moments.
  public private(set) var optimizer: any Optimizer
  /// Keys the randomness inside the network together with the step.
  public let seed: UInt64
  /// What a step keeps in memory.
  public let memory: Memory
  /// What products are computed with.
  public let precision: Precision
  /// Of the last step, before clipping, as the student's flat buffer.
  package private(set) var gradients: Tensor

  /// How a step saves memory.
  public struct Memory: Sendable {
    /// Whether a block's inside is computed once more in the backward pass in place of being kept; the gradients are
    /// the same to the last bit.
    public var recomputes = false
    /// In how many parts, one after the other, a batch goes through the networks; the gradients are the same but for
    /// rounding, stochastic depth included.
    public var parts = 1

    /// The whole batch at once, everything kept.
    public init(recomputes: Bool = false, parts: Int = 1) {
      precondition(parts >= 1, "TrainingStep.Memory: \(parts) parts; at least 1 is needed")
      (self.recomputes, self.parts) = (recomputes, parts)
    }
  }

  /// What one step showed.
  public struct Result: Sendable {
    /// The batch's loss.
    public let loss: Double
    /// The norm of all gradients before clipping.
    public let gradientNorm: Double
  }

  /// A step over a method's student.
  public init(
    _ method: M, optimizer: any Optimizer, seed: UInt64, memory: Memory = Memory(),
    precision: Precision = .float32
  ) {
    precondition(Self.canServe(memory, method), "TrainingStep: \(M.name) couples the images of a batch")
    self.memory = memory
    self.precision = precision
    self.method = method
    self.optimizer = optimizer
    self.seed = seed
    gradients = Tensor(repeating: 0, method.student.flatShape)
  }

  /// Whether the method's loss can be computed so: one that couples the images of a batch needs all of them at once.
  package static func canServe(_ memory: Memory, _ method: M) -> Bool {
    memory.parts == 1 || !method.couplesImages
  }

  /// Takes the step in DINO's order (main_dino.py, `train_one_epoch`).
  ///
  /// - Throws: `TrainingError.lossNotFinite`, before any weight changes.
  public mutating func callAsFunction(_ views: Views, _ now: Moment) throws(TrainingError) -> Result {
    let (loss, updates) = try backward(views, now)
    method.student.apply(updates)
    let norm = optimizer.step(
      method.student, gradients: gradients, at: now.rates, clipping: now.clipping,
      followedBy: method.movingAverage(now),
      isSkipped: { [method] in method.isSkipped($0, now) })
    method.didStep(now)
    return Result(loss: loss, gradientNorm: norm)
  }

  /// The loss and its gradients, and what the student's buffers move by; the passes and their views of the weights end
  /// here.
  private mutating func backward(
    _ views: Views, _ now: Moment
  ) throws(TrainingError) -> (Double, [BufferUpdate]) {
    let images = views.images
    let parts = min(memory.parts, images)
    var mean = 0.0
    var updates: [BufferUpdate] = []
    for index in 0..<parts {
      let range = index * images / parts..<(index + 1) * images / parts
      let share = Double(range.count) / Double(images)
      let tape = Tape()
      let pass = Pass(
        method.student, tape: tape, mode: .training, seed: seed, step: now.step,
        memory: memory.recomputes ? .recomputesBlocks : .keepsActivations,
        images: BatchPart(range, of: images), precision: precision)
      let loss = method.loss(parts == 1 ? views : views.part(range), pass, now)
      let value = Double(loss.scalar)
      guard value.isFinite else {
        tape.discard()
        throw .lossNotFinite(step: now.step, value: value)
      }
      mean += share * value
      tape.backward(
        from: loss, seed: Tensor([Float(share)], loss.shape), leavesInto: &gradients, adding: index > 0)
      updates += pass.bufferUpdates
    }
    return (mean, updates)
  }

  /// Puts a checkpoint's state back.
  mutating func restore(_ state: [String: Tensor], optimizer: any Optimizer) {
    method.restore(state)
    self.optimizer = optimizer
  }
}
