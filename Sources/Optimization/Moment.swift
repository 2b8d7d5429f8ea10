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
  /// Whether `clip` bounds the norm of all gradients together in place of each parameter's.
  public var clipsGlobally: Bool
  /// The greatest learning rate of the run, for parameters whose rate is not scheduled.
  public var peakLearningRate: Double
  /// Multiplies the learning rate of a backbone that began with given weights; 0 while only heads learn.
  public var backboneRate: Double
  /// The share of the run's steps that were done before this one, from 0 up to but not 1.
  public var progress: Double

  /// How gradients are clipped at this step.
  public var clipping: GradientClipping {
    clip.map { clipsGlobally ? .global(norm: $0) : .perParameter(norm: $0) } ?? .off
  }

  /// The rates of this step.
  public var rates: StepRates {
    StepRates(
      learningRate: learningRate, constantRate: peakLearningRate, backboneRate: backboneRate,
      weightDecay: weightDecay)
  }

  /// A moment with every value given; without a peak, this step's learning rate is it.
  public init(
    step: Int, epoch: Int, learningRate: Double, weightDecay: Double, teacherMomentum: Double,
    teacherTemperature: Double, isLastLayerFrozen: Bool, clip: Double?, clipsGlobally: Bool = false,
    peakLearningRate: Double? = nil, backboneRate: Double = 1, progress: Double = 0
  ) {
    self.step = step
    self.epoch = epoch
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.teacherMomentum = teacherMomentum
    self.teacherTemperature = teacherTemperature
    self.isLastLayerFrozen = isLastLayerFrozen
    self.clip = clip
    self.clipsGlobally = clipsGlobally
    self.peakLearningRate = peakLearningRate ?? learningRate
    self.backboneRate = backboneRate
    self.progress = progress
  }
}
