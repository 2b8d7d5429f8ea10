import EmanateConfiguration
import EmanateOptimization
import Testing

@Suite("Training plan")
struct TrainingPlanTests {
  @Test("Incomplete batches are dropped, and every schedule spans the run")
  func lengths() throws {
    let plan = try TrainingPlan(
      .load(overrides: ["training.epochs=20", "training.warmupEpochs=2", "training.batchSize=64"]),
      images: 1000)
    #expect(plan.stepsPerEpoch == 15)
    #expect(plan.steps == 300)
    #expect(plan.warnings == [])
    let peak = 0.0005 * 64 / 256
    #expect(plan.learningRate == .cosine(start: 0, peak: peak, final: 1e-6, warmup: 30, steps: 300))
    #expect(plan.moment(0).learningRate == 0)
    #expect(plan.moment(29).learningRate == peak)
    #expect(abs(plan.moment(0).teacherMomentum - 0.996) < 1e-12)
    #expect(abs(plan.moment(0).weightDecay - 0.04) < 1e-12)
    #expect(plan.moment(14).isLastLayerFrozen && !plan.moment(15).isLastLayerFrozen)
    #expect(plan.moment(299).epoch == 19)
    #expect(plan.moment(0).clip == 3)
  }

  @Test("A warm-up that is too long for the run is cut, and the run says so")
  func cuts() throws {
    let plan = try TrainingPlan(
      .load(overrides: [
        "training.steps=100", "training.batchSize=10", "dino.warmupTeacherTemperatureEpochs=30",
        "dino.warmupTeacherTemperature=0.02",
      ]), images: 100)
    #expect(plan.steps == 100)
    #expect(plan.warnings.count == 2)
    #expect(plan.warnings[0].contains("cut to 10 steps"))
    #expect(plan.warnings[1].contains("cut to 3 epochs"))
    #expect(plan.teacherTemperature == .stairs(start: 0.02, final: 0.04, epochs: 3, stepsPerEpoch: 10))
  }

  @Test("A run shorter than its frozen epochs says that the last layer never learns")
  func frozen() throws {
    let plan = try TrainingPlan(
      .load(overrides: ["training.steps=5", "training.warmupEpochs=0"]), images: 6400)
    #expect(plan.warnings.count == 1)
    #expect(plan.warnings[0].contains("freezeLastLayerEpochs"))
  }

  @Test("Fewer images than a batch are refused with both numbers")
  func tooFew() {
    #expect(throws: ConfigurationError.tooFewImages(images: 63, batchSize: 64)) {
      try TrainingPlan(ExperimentConfiguration(), images: 63)
    }
  }
}
