import EmanateOptimization

// The schedules that the settings describe.

extension TrainingSettings {
  /// The learning rate over a run of so many steps, after the batch-size rule.
  func learningRate(peak: Double, warmup: Int, steps: Int, stepsPerEpoch: Int) -> Schedule {
    let left = steps - warmup
    if schedule == .cosine && end == .approached && warmupForm == .dino {
      return .cosine(
        start: warmupLearningRate, peak: peak, final: finalLearningRate, warmup: warmup, steps: steps)
    }
    let main: Schedule =
      switch (schedule, end) {
      case (.cosine, .approached): .cosine(from: peak, to: finalLearningRate, steps: left)
      case (.cosine, .reached): .cosineReaching(first: peak, final: finalLearningRate, steps: left)
      case (.linear, let end):
        .line(first: peak, final: finalLearningRate, steps: left, reaches: end == .reached)
      case (.constant, _): .constant(peak)
      // The epochs count from the start of the run, warm-up included.
      case (.step, _):
        .drops(first: peak, factor: decayFactor, at: decayEpochs.map { $0 * stepsPerEpoch - warmup })
      }
    return warmup == 0
      ? main : .warmedUp(from: warmupLearningRate, steps: warmup, form: warmupForm, then: main)
  }
}

extension EMASettings {
  /// The teacher's momentum over a run of so many steps.
  func momentum(batchSize: Int, steps: Int) -> Schedule {
    let momentum = momentum(batchSize: batchSize)
    switch (schedule, end) {
    case (.cosine, .approached): return .cosine(from: momentum, to: finalMomentum, steps: steps)
    case (.cosine, .reached): return .cosineReaching(first: momentum, final: finalMomentum, steps: steps)
    case (.constant, _): return .constant(momentum)
    case (.meanTeacher, _): return .trueAverage(limit: momentum)
    }
  }
}

extension DINOSettings {
  /// The teacher's temperature: DINO's stairs, or DINOv2's line through every step of the warm-up.
  func teacherTemperature(epochs: Int, stepsPerEpoch: Int) -> Schedule {
    switch warmupTeacherTemperatureBy {
    case .epoch:
      return .stairs(
        start: warmupTeacherTemperature, final: teacherTemperature, epochs: epochs,
        stepsPerEpoch: stepsPerEpoch)
    case .step:
      return .warmedUp(
        from: warmupTeacherTemperature, steps: epochs * stepsPerEpoch, form: .dino,
        then: .constant(teacherTemperature))
    }
  }
}
