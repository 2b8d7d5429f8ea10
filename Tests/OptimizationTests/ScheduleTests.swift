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
}
