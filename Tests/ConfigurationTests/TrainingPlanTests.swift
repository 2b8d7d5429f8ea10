import EmanateConfiguration
import EmanateOptimization
import Foundation
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

  private func plan(_ overrides: String..., images: Int = 1024) throws -> TrainingPlan {
    try TrainingPlan(
      .load(
        overrides: [
          "training.batchSize=64", "training.epochs=20", "training.warmupEpochs=0",
          "training.learningRate=0.4",
        ] + overrides), images: images)
  }

  @Test(
    "BYOL's learning rate rises from 0 by k / warm-up and falls to 0, and its tau is 1 - (1 - tau0) (cos + 1) / 2"
  )
  func byol() throws {
    let plan = try plan(
      "training.warmupEpochs=2", "training.warmupForm=byol", "training.finalLearningRate=0",
      "ema.momentum=0.97")
    #expect(plan.learningRate(0) == 0 && abs(plan.learningRate(16) - 0.05) < 1e-15)
    #expect(plan.learningRate(32) == 0.1 && plan.peakLearningRate == 0.1)
    let wave = 0.1 * 0.5 * (1 + cos(Double.pi * 100 / 288))
    #expect(abs(plan.learningRate(132) - wave) < 1e-15)
    #expect(abs(plan.teacherMomentum(80) - (1 - 0.03 * (cos(Double.pi / 4) + 1) / 2)) < 1e-15)
  }

  @Test("A learning rate in steps falls at its epochs, counted from the start of the run")
  func decayEpochs() throws {
    let plan = try plan(
      "training.schedule=step", "training.decayEpochs=[12, 16, 30]", "training.warmupEpochs=1")
    #expect(plan.learningRate(0) == 0 && plan.learningRate(15) == 0.1)
    #expect(plan.learningRate(12 * 16 - 1) == 0.1)
    #expect(plan.learningRate(12 * 16) == 0.1 * 0.1 && plan.learningRate(16 * 16) == 0.1 * 0.1 * 0.1)
    #expect(plan.learningRate(319) == 0.1 * 0.1 * 0.1)
    #expect(plan.warnings.count == 1 && plan.warnings[0].contains("epoch 30 is past the run's 320 steps"))
  }

  @Test("Linear, constant and reached schedules span the run, and a warm-up may start above 0")
  func forms() throws {
    let line = try plan("training.schedule=linear", "training.end=reached", "training.finalLearningRate=0.02")
    #expect(line.learningRate(0) == 0.1 && line.learningRate(319) == 0.02)
    let flat = try plan(
      "training.schedule=constant", "training.warmupEpochs=2", "training.warmupLearningRate=0.01")
    #expect(flat.learningRate(0) == 0.01 && flat.learningRate(31) == 0.1 && flat.learningRate(319) == 0.1)
    let wave = try plan("training.end=reached", "training.warmupForm=lightly", "training.warmupEpochs=1")
    #expect(abs(wave.learningRate(0) - 0.1 / 16) < 1e-15 && wave.learningRate(15) == 0.1)
    #expect(wave.learningRate(319) == 1e-6)
    #expect(try plan("ema.end=reached").teacherMomentum(319) == 1)
    #expect(try plan("ema.schedule=constant").teacherMomentum(319) == 0.996)
    let average = try plan("ema.schedule=meanTeacher", "ema.momentum=0.99").teacherMomentum
    #expect(average(0) == 0.5 && average(8) == 0.9 && average(319) == 0.99)
  }

  @Test("The learning rate follows the batch by its root from 1,024 images, or not at all")
  func scaling() throws {
    let root = try plan("training.scaling=sqrt", "training.scalingBatch=1024")
    #expect(root.peakLearningRate == 0.1)
    #expect(try plan("training.scaling=none").peakLearningRate == 0.4)
    #expect(try plan("training.scalingBatch=128").learningRate(0) == 0.2)
  }

  @Test("A half-life in images means the same in every batch, and the plan says which momentum it is")
  func halfLife() throws {
    for batch in [16, 256] {
      let plan = try plan("ema.halfLifeImages=11000", "ema.schedule=constant", "training.batchSize=\(batch)")
      let half = EMAHalfLife(momentum: plan.teacherMomentum(5), stepsPerEpoch: 1, batchSize: batch)
      #expect(abs(half.images - 11_000) < 1e-6)
    }
    let remarks = try plan("ema.halfLifeImages=11000").remarks
    #expect(
      remarks == ["ema.halfLifeImages: 11000 images are a teacher's momentum of 0.995975 in batches of 64"])
    #expect(try plan().remarks == [])
  }

  @Test("DINOv2's teacher temperature rises at every step of its warm-up")
  func temperatureBySteps() throws {
    let plan = try plan(
      "dino.warmupTeacherTemperatureBy=step", "dino.warmupTeacherTemperatureEpochs=5",
      "dino.teacherTemperature=0.07")
    #expect(plan.teacherTemperature(0) == 0.04 && plan.teacherTemperature(79) == 0.07)
    #expect(abs(plan.teacherTemperature(40) - (0.04 + 0.03 * 40 / 79)) < 1e-15)
    #expect(plan.teacherTemperature(300) == 0.07)
  }

  @Test("A moment says how gradients are clipped, the peak of the learning rate, and how far the run is")
  func moments() throws {
    let now = try plan("optimizer.clipping=global").moment(80)
    #expect(now.clipping == .global(norm: 3) && now.peakLearningRate == 0.1 && now.progress == 0.25)
    #expect(try plan().moment(0).clipping == .perParameter(norm: 3))
    #expect(try plan("optimizer.clip=off").moment(0).clipping == .off)
  }

  @Test("AdamW's weight decay under another optimizer is remarked on")
  func muchDecay() throws {
    #expect(
      try plan("optimizer.name=lars").warnings.first?.contains("optimizer.weightDecay: 0.04 is much") == true)
    #expect(try plan("optimizer.name=sgd", "optimizer.weightDecay=0.0005").warnings == [])
  }

  @Test("Fewer images than a batch are refused with both numbers")
  func tooFew() {
    #expect(throws: ConfigurationError.tooFewImages(images: 63, batchSize: 64)) {
      try TrainingPlan(ExperimentConfiguration(), images: 63)
    }
  }
}
