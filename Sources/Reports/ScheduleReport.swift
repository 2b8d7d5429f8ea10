import EmanateConfiguration
import EmanateOptimization

/// What the schedules of one run, or of several compared, look like: as a table, as CSV, as a plot, as
/// figures.
public struct ScheduleReport: Sendable {
  /// A run, planned or under way.
  public struct Run: Sendable {
    /// What the reader knows it by.
    public let name: String
    /// Its schedules.
    public let plan: TrainingPlan
    /// The step of its newest checkpoint; nil before the first.
    public let currentStep: Int?
    /// The method that learns, which need not use every schedule.
    public let method: String

    /// A run by its name, plan, method, and the step it has come to.
    public init(name: String, plan: TrainingPlan, method: String = "dino", currentStep: Int? = nil) {
      self.name = name
      self.plan = plan
      self.method = method
      self.currentStep = currentStep
    }

    /// The schedules that the method uses: temperatures are DINO's, and not every method has a teacher that moves.
    public var schedules: [(name: String, schedule: Schedule)] {
      plan.schedules.filter { name, _ in
        switch name {
        case "teacher temperature": method.hasPrefix("dino")
        case "teacher momentum": hasTeacher
        default: true
        }
      }
    }

    /// Whether a moving average of the student is its teacher.
    public var hasTeacher: Bool { !["simsiam", "supervised", "distillation"].contains(method) }
  }

  /// The runs in the order they are shown.
  public let runs: [Run]

  /// The ages, in steps, of the students whose weight in the teacher is reported.
  public static let studentAges = [1, 10, 100, 1000]

  /// A report on at least one run.
  public init(_ runs: [Run]) {
    precondition(!runs.isEmpty, "ScheduleReport: no run")
    self.runs = runs
  }

  /// The figures of one schedule of one run, as `emanate schedule --json` gives them.
  public struct Summary: Encodable, Sendable {
    /// The run's name.
    public let run: String
    /// `learning_rate`, `weight_decay`, `teacher_momentum` or `teacher_temperature`.
    public let name: String
    /// The value at step 0.
    public let first: Double
    /// The value at the last step.
    public let last: Double
    /// The least value of the run.
    public let smallest: Double
    /// The greatest value of the run.
    public let largest: Double
    /// Steps in the run.
    public let steps: Int
    /// Steps in one pass over the data.
    public let stepsPerEpoch: Int
    /// What the teacher remembers; only with the teacher's momentum.
    public let memory: Memory?

    enum CodingKeys: String, CodingKey {
      case run, name, first, last, smallest, largest, steps
      case stepsPerEpoch = "steps_per_epoch"
    }

    /// Writes the fields side by side, the memory's among them.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(run, forKey: .run)
      try container.encode(name, forKey: .name)
      try container.encode(first, forKey: .first)
      try container.encode(last, forKey: .last)
      try container.encode(smallest, forKey: .smallest)
      try container.encode(largest, forKey: .largest)
      try container.encode(steps, forKey: .steps)
      try container.encode(stepsPerEpoch, forKey: .stepsPerEpoch)
      try memory?.encode(to: encoder)
    }
  }

  /// What the teacher remembers: half-lives, and the weight that past students have in it.
  public struct Memory: Encodable, Sendable {
    /// The half-life at step 0, in steps; nil where the teacher never moves.
    public let halfLifeSteps: Double?
    /// The same in passes over the data.
    public let halfLifeEpochs: Double?
    /// The same in images.
    public let halfLifeImages: Double?
    /// The half-life at the last step, in steps.
    public let lastHalfLifeSteps: Double?
    /// The mean age, in steps and in images, of the students in the teacher at `step`.
    public let meanAgeSteps, meanAgeImages: Double
    /// The step whose teacher `studentWeights` describes: the newest checkpoint's, or else the middle of the
    /// run.
    public let step: Int
    /// By age in steps, the weight of the student of that many steps ago in the teacher at `step`.
    public let studentWeights: [String: Double]

    enum CodingKeys: String, CodingKey {
      case step = "student_weights_at_step"
      case halfLifeSteps = "half_life_steps"
      case halfLifeEpochs = "half_life_epochs"
      case halfLifeImages = "half_life_images"
      case lastHalfLifeSteps = "last_half_life_steps"
      case meanAgeSteps = "mean_age_steps"
      case meanAgeImages = "mean_age_images"
      case studentWeights = "student_weights"
    }
  }

  /// A summary for each schedule that a run's method uses.
  public var summaries: [Summary] { runs.flatMap { run in run.schedules.map { summary($0, of: run) } } }

  private func summary(_ item: (name: String, schedule: Schedule), of run: Run) -> Summary {
    let plan = run.plan
    let samples = Self.samples(item.schedule, steps: plan.steps, count: 2000)
    return Summary(
      run: run.name, name: item.name.replacing(" ", with: "_"), first: item.schedule(0),
      last: item.schedule(plan.steps - 1), smallest: samples.min()!, largest: samples.max()!,
      steps: plan.steps,
      stepsPerEpoch: plan.stepsPerEpoch, memory: item.schedule == plan.teacherMomentum ? memory(of: run) : nil
    )
  }

  private func memory(of run: Run) -> Memory {
    let plan = run.plan
    func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
    let half = EMAHalfLife(
      momentum: plan.teacherMomentum(0), stepsPerEpoch: plan.stepsPerEpoch, batchSize: plan.batchSize)
    let step = run.currentStep ?? plan.steps / 2
    let weights = Self.studentAges.map { (String($0), plan.teacherMomentum.studentWeight(age: $0, at: step)) }
    let age = plan.teacherMomentum.meanAges(at: [step])[0]
    return Memory(
      halfLifeSteps: finite(half.steps), halfLifeEpochs: finite(half.epochs),
      halfLifeImages: finite(half.images),
      lastHalfLifeSteps: finite(EMAHalfLife.steps(momentum: plan.teacherMomentum(plan.steps - 1))),
      meanAgeSteps: age, meanAgeImages: age * Double(plan.batchSize), step: step,
      studentWeights: Dictionary(uniqueKeysWithValues: weights))
  }

  /// Comma-separated values of every step, or of evenly spaced ones where a run has more than `rows`; the
  /// last step is always there.
  public func csv(rows: Int = 100_000) -> String {
    var lines = ["run,step,epoch,learning_rate,weight_decay,teacher_momentum,teacher_temperature"]
    for run in runs {
      let name =
        run.name.contains(/[,"\r\n]/) ? "\"" + run.name.replacing("\"", with: "\"\"") + "\"" : run.name
      let stride = max(1, (run.plan.steps + rows - 1) / rows)
      for step in Array(Swift.stride(from: 0, to: run.plan.steps - 1, by: stride)) + [run.plan.steps - 1] {
        let now = run.plan.moment(step)
        lines.append(
          "\(name),\(step),\(now.epoch),\(now.learningRate),\(now.weightDecay),\(now.teacherMomentum),"
            + "\(now.teacherTemperature)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Values at `count` evenly spaced steps, or at all of them where there are fewer; the first and the last
  /// included.
  static func samples(_ schedule: Schedule, steps: Int, count: Int) -> [Double] {
    sampleSteps(steps, count: count).map { schedule($0) }
  }

  /// At most `count` evenly spaced steps of a run, the first and the last included.
  static func sampleSteps(_ steps: Int, count: Int) -> [Int] {
    if steps <= count { return Array(0..<steps) }
    return (0..<count).map { $0 * (steps - 1) / (count - 1) }
  }
}
