/// Where a run stands, and the value of everything that is scheduled, at one step.
public struct Moment: Hashable, Sendable {
  /// The step, counted from 0 over the whole run.
  public var step: Int
  /// The pass over the data this step belongs to, counted from 0.
  public var epoch: Int
  /// The learning rate of this step's batch, after the batch-size rule.
  public var learningRate: Double
  /// The weight decay of the parameters that are decayed.
  public var weightDecay: Double
  /// The momentum of the teacher's moving average: teacher ← m · teacher + (1 − m) · student.
  public var teacherMomentum: Double
  /// The temperature of the teacher's softmax.
  public var teacherTemperature: Double
  /// Whether the gradients of the head's last layer are dropped at this step.
  public var isLastLayerFrozen: Bool
  /// The largest norm that each parameter's gradient is allowed; nil when gradients are not clipped.
  public var clip: Double?

  /// A moment with every value given.
  public init(
    step: Int, epoch: Int, learningRate: Double, weightDecay: Double, teacherMomentum: Double,
    teacherTemperature: Double, isLastLayerFrozen: Bool, clip: Double?
  ) {
    self.step = step
    self.epoch = epoch
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.teacherMomentum = teacherMomentum
    self.teacherTemperature = teacherTemperature
    self.isLastLayerFrozen = isLastLayerFrozen
    self.clip = clip
  }
}
