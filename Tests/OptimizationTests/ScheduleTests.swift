import EmanateOptimization
import Foundation
import Testing

private struct GoldenSchedules: Decodable {
  struct Cosine: Decodable {
    let start, peak, final: Double
    let warmup, steps: Int
    let values: [Double]
  }
  struct Stairs: Decodable {
    let start, final: Double
    let epochs, stepsPerEpoch: Int
    let values: [Double]
  }
  struct EMA: Decodable {
    struct HalfLife: Decodable { let momentum, steps: Double }
    let momentum, finalMomentum: Double
    let steps: Int
    let ages: [Int]
    let weights: [Double]
    let initial: Double
    let halfLives: [HalfLife]
  }
  let cosines: [Cosine]
  let stairs: [Stairs]
  let ema: EMA
  let forms: [String: [Double]]

  static func read() throws -> GoldenSchedules {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Golden/schedules/schedules.json")
    return try JSONDecoder().decode(GoldenSchedules.self, from: Data(contentsOf: file))
  }
}

@Suite("Schedules")
struct ScheduleTests {
  @Test("Cosine schedules with and without warm-up equal DINO's at every step")
  func cosine() throws {
    for golden in try GoldenSchedules.read().cosines {
      let schedule = Schedule.cosine(
        start: golden.start, peak: golden.peak, final: golden.final, warmup: golden.warmup,
        steps: golden.steps)
      #expect(golden.values.count == golden.steps)
      for (step, value) in golden.values.enumerated() { #expect(abs(schedule(step) - value) <= 1e-12) }
    }
  }

  @Test("The teacher temperature rises per epoch through both ends, as in DINO")
  func stairs() throws {
    for golden in try GoldenSchedules.read().stairs {
      let schedule = Schedule.stairs(
        start: golden.start, final: golden.final, epochs: golden.epochs, stepsPerEpoch: golden.stepsPerEpoch)
      for (step, value) in golden.values.enumerated() { #expect(abs(schedule(step) - value) <= 1e-12) }
    }
  }

  @Test("A cosine never reaches its final value, and stays where it ended")
  func end() {
    let schedule = Schedule.cosine(from: 0.996, to: 1, steps: 1000)
    #expect(schedule(999) < 1)
    #expect(schedule(5000) == schedule(999))
  }

  @Test("A constant is constant, and a schedule that is all warm-up ends at its peak")
  func edges() {
    #expect(Schedule.constant(3)(1_000_000) == 3)
    let rise = Schedule.cosine(start: 0, peak: 1, final: 0, warmup: 5, steps: 5)
    #expect((0..<6).map { rise($0) } == [0, 0.25, 0.5, 0.75, 1, 1])
  }

  @Test("The learning rate is stated for 256 images and grows with the batch")
  func scaling() {
    #expect(scaledLearningRate(per256Images: 5e-4, batchSize: 1024) == 2e-3)
    #expect(scaledLearningRate(per256Images: 5e-4, batchSize: 256) == 5e-4)
  }

  /// Each with what a test calls it by in the golden file.
  static let forms: [(name: String, schedule: Schedule)] = [
    (
      "byol_learning_rate",
      .warmedUp(from: 0, steps: 10, form: .byol, then: .cosine(from: 3.2, to: 0, steps: 50))
    ),
    ("byol_at_once", .cosine(from: 0.45, to: 0, steps: 30)),
    ("byol_momentum", .cosine(from: 0.97, to: 1, steps: 60)),
    ("solo_learning_rate", .cosine(start: 3e-5, peak: 1, final: 0, warmup: 10, steps: 60)),
    (
      "lightly_learning_rate",
      .warmedUp(
        from: 0, steps: 10, form: .lightly, then: .cosineReaching(first: 0.9, final: 0.0009, steps: 50))
    ),
    ("lightly_momentum", .cosineReaching(first: 0.99, final: 1, steps: 60)),
    ("dinov2_temperature", .warmedUp(from: 0.04, steps: 30, form: .dino, then: .constant(0.07))),
    ("drops", .drops(first: 0.3, factor: 0.1, at: [20, 27])),
    ("mean_teacher_momentum", .trueAverage(limit: 0.9)),
    ("ramp_up", .sigmoidRamp(final: 12.5, steps: 25)),
  ]

  @Test("The schedules of other authors equal theirs at every step", arguments: forms.indices)
  func others(index: Int) throws {
    let (name, schedule) = Self.forms[index]
    let golden = try #require(try GoldenSchedules.read().forms[name])
    #expect(golden.count >= 30)
    for (step, value) in golden.enumerated() {
      #expect(abs(schedule(step) - value) <= 1e-14 * max(1, abs(value)), "\(name), step \(step)")
    }
  }

  @Test("No form of the golden file is left out")
  func complete() throws {
    #expect(try Set(GoldenSchedules.read().forms.keys) == Set(Self.forms.map { $0.name }))
  }

  @Test("A line approaches its end or reaches it, and every schedule stays where it ended")
  func lines() {
    let approaching = Schedule.line(first: 1, final: 0, steps: 4, reaches: false)
    #expect((0..<6).map { approaching($0) } == [1, 0.75, 0.5, 0.25, 0.25, 0.25])
    let reaching = Schedule.line(first: 1, final: 0, steps: 5, reaches: true)
    #expect((0..<7).map { reaching($0) } == [1, 0.75, 0.5, 0.25, 0, 0, 0])
    let wave = Schedule.cosineReaching(first: 1, final: 0.25, steps: 9)
    #expect(wave(0) == 1 && wave(4) == 0.625 && wave(8) == 0.25 && wave(100) == 0.25)
    #expect(Schedule.cosineReaching(first: 1, final: 0.25, steps: 1)(0) == 0.25)
    #expect(Schedule.sigmoidRamp(final: 2, steps: 0)(0) == 2)
    #expect(Schedule.drops(first: 1, factor: 0.5, at: [-3, 2])(0) == 0.5)
  }

  @Test("A warm-up of DINO's form before DINO's wave is DINO's schedule")
  func composition() {
    let whole = Schedule.cosine(start: 0.1, peak: 2, final: 0.3, warmup: 7, steps: 40)
    let joined = Schedule.warmedUp(
      from: 0.1, steps: 7, form: .dino, then: .cosine(from: 2, to: 0.3, steps: 33))
    #expect((0..<50).allSatisfy { whole($0) == joined($0) })
  }

  @Test("The learning rate follows the batch linearly, by its root, or not at all")
  func batchRules() {
    #expect(LearningRateScaling.linear(0.3, batchSize: 1024, reference: 256) == 1.2)
    #expect(LearningRateScaling.sqrt(0.004, batchSize: 4096, reference: 1024) == 0.008)
    #expect(LearningRateScaling.none(0.03, batchSize: 4096, reference: 1024) == 0.03)
  }
}

@Suite("The teacher's memory")
struct EMAHalfLifeTests {
  @Test("Half-lives equal ln(1/2) / ln τ, and 0.996 remembers for 172.9 steps")
  func halfLife() throws {
    for golden in try GoldenSchedules.read().ema.halfLives {
      #expect(abs(EMAHalfLife.steps(momentum: golden.momentum) - golden.steps) <= 1e-12 * golden.steps)
    }
    let half = EMAHalfLife(momentum: 0.996, stepsPerEpoch: 100, batchSize: 64)
    #expect(abs(half.steps - 172.9) < 0.05)
    #expect(half.epochs == half.steps / 100)
    #expect(half.images == half.steps * 64)
    #expect(EMAHalfLife.steps(momentum: 1) == .infinity)
    #expect(EMAHalfLife.steps(momentum: 0) == 0)
  }

  @Test("The weights of past students equal those of an average that is run forward")
  func studentWeights() throws {
    let golden = try GoldenSchedules.read().ema
    let momentum = Schedule.cosine(from: golden.momentum, to: golden.finalMomentum, steps: golden.steps)
    for (age, weight) in zip(golden.ages, golden.weights) {
      #expect(abs(momentum.studentWeight(age: age, at: golden.steps - 1) - weight) <= 1e-12)
    }
    #expect(abs(momentum.initialWeight(at: golden.steps - 1) - golden.initial) <= 1e-12)
  }

  @Test("All students and the initial weights together weigh one")
  func sum() {
    let momentum = Schedule.cosine(from: 0.9, to: 1, steps: 60)
    let students = (0...40).reduce(0) { $0 + momentum.studentWeight(age: $1, at: 40) }
    #expect(abs(students + momentum.initialWeight(at: 40) - 1) < 1e-12)
    #expect(momentum.studentWeight(age: 41, at: 40) == 0)
  }

  @Test("The mean age is the mean age, and another batch keeps the half-life in images")
  func meanAge() {
    let direct = (0..<5000).reduce(0.0) { $0 + Double($1) * 0.1 * pow(0.9, Double($1)) }
    #expect(abs(EMAHalfLife.meanAge(momentum: 0.9) - direct) < 1e-9)
    let adapted = EMAHalfLife.momentum(0.996, ofBatch: 64, forBatch: 256)
    let before = EMAHalfLife(momentum: 0.996, stepsPerEpoch: 1, batchSize: 64).images
    let after = EMAHalfLife(momentum: adapted, stepsPerEpoch: 1, batchSize: 256).images
    #expect(abs(before - after) < 1e-6)
  }

  @Test("A half-life in images gives the momentum that has it, whatever the batch", arguments: [16, 64, 256])
  func halfLifeInImages(batch: Int) {
    let momentum = EMAHalfLife.momentum(halfLifeImages: 11_000, batchSize: batch)
    #expect(
      abs(EMAHalfLife(momentum: momentum, stepsPerEpoch: 1, batchSize: batch).images / 11_000 - 1) < 1e-10)
    #expect(
      abs(pow(momentum, 11_000 / Double(batch)) - 0.5) < 1e-10, "after so many images half is left")
  }

  @Test(
    "The mean age of a teacher's students follows from the weights of all of them, also where the momentum changes"
  )
  func meanAges() {
    for schedule in [Schedule.constant(0.9), .cosine(from: 0.8, to: 1, steps: 40), .trueAverage(limit: 0.95)]
    {
      let ages = schedule.meanAges(at: [0, 7, 39])
      for (step, age) in zip([0, 7, 39], ages) {
        var direct = schedule.initialWeight(at: step) * Double(step + 1)
        for past in 0...step { direct += schedule.studentWeight(age: past, at: step) * Double(past) }
        #expect(abs(age - direct) < 1e-9 * max(1, direct))
      }
    }
    #expect(abs(Schedule.constant(0.99).meanAges(at: [5000])[0] - 99) < 1e-6)
    #expect(Schedule.constant(1).meanAges(at: [9]) == [10])
    // Past four million steps some share a momentum; the mean of a constant one is exact all the same.
    #expect(abs(Schedule.constant(0.999).meanAges(at: [9_000_000])[0] - 999) < 1e-6)
  }

  @Test("A half-life of twice the length is the momentum's root")
  func longer() {
    #expect(abs(EMAHalfLife.momentum(0.81, halfLifeTimes: 2) - 0.9) < 1e-12)
    let longer = EMAHalfLife.momentum(0.996, halfLifeTimes: 3)
    #expect(abs(EMAHalfLife.steps(momentum: longer) / EMAHalfLife.steps(momentum: 0.996) - 3) < 1e-9)
  }
}
