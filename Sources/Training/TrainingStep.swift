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
  public private(set) var optimizer: AdamW
  /// Keys the randomness inside the network together with the step.
  public let seed: UInt64
  private var gradients: Tensor

  /// What one step showed.
  public struct Result: Sendable {
    /// The batch's loss.
    public let loss: Double
    /// The norm of all gradients before clipping.
    public let gradientNorm: Double
  }

  /// A step over a method's student.
  public init(_ method: M, optimizer: AdamW, seed: UInt64) {
    self.method = method
    self.optimizer = optimizer
    self.seed = seed
    gradients = Tensor(repeating: 0, method.student.flatShape)
  }

  /// Takes the step in DINO's order (main_dino.py, `train_one_epoch`).
  ///
  /// - Throws: `TrainingError.lossNotFinite`, before any weight changes.
  public mutating func callAsFunction(_ views: Views, _ now: Moment) throws(TrainingError) -> Result {
    let loss = try backward(views, now)
    let norm = optimizer.step(
      method.student, gradients: gradients, learningRate: now.learningRate, weightDecay: now.weightDecay,
      clipping: now.clip.map { .perParameter(norm: $0) } ?? .off,
      isSkipped: { [method] in method.isSkipped($0, now) })
    method.didStep(now)
    return Result(loss: loss, gradientNorm: norm)
  }

  /// The loss and its gradients; the pass and its views of the weights end here.
  private mutating func backward(_ views: Views, _ now: Moment) throws(TrainingError) -> Double {
    let tape = Tape()
    let pass = Pass(method.student, tape: tape, mode: .training, seed: seed, step: now.step)
    let loss = method.loss(views, pass, now)
    let value = Double(loss.scalar)
    guard value.isFinite else { throw .lossNotFinite(step: now.step, value: value) }
    tape.backward(from: loss, leavesInto: &gradients)
    return value
  }

  /// Puts a checkpoint's state back.
  mutating func restore(_ state: [String: Tensor], optimizer: AdamW) {
    method.restore(state)
    self.optimizer = optimizer
  }
}
