import EmanateConfiguration
import EmanateMethods
import EmanateObjectives
import EmanateTensors
import EmanateTraining
import TestSupport
import Testing

/// Tiny networks that are made to collapse, each in a way of its own, and their healthy controls.
@Suite(.serialized) struct CollapseTests {
  @Test(arguments: [Centering.ema, .sinkhorn]) func `DINO with centering and sharpening is healthy`(
    centering: Centering
  ) throws {
    let watched = try watch(tinyDINO(centering: centering), steps: 150, learningRate: 3e-4)
    #expect(watched.verdicts.last == .healthy)
    #expect(!watched.verdicts.contains { $0.isCollapse }, "\(watched.verdicts)")
    #expect(try #require(watched.last?.student).deviation > 0.5)
    #expect(try #require(watched.watch.prototypesUsed) > 0.3)
  }

  @Test func `DINO without centering gives one prototype to all`() throws {
    let watched = try watch(tinyDINO(centering: .off), steps: 60, learningRate: 1e-3, teacherMomentum: 0.9)
    #expect(watched.verdicts.last == .oneHot, "\(watched.verdicts)")
    let targets = try #require(watched.targets)
    #expect(targets.entropyOfMean < 0.01 && Set(targets.favourites).count == 1)
  }

  @Test func `DINO without sharpening gives all prototypes to every image`() throws {
    let watched = try watch(
      tinyDINO(), steps: 60, learningRate: 1e-3, teacherMomentum: 0.9, teacherTemperature: 0.2)
    #expect(watched.verdicts.last == .uniform, "\(watched.verdicts)")
    let targets = try #require(watched.targets)
    #expect(targets.meanEntropy > 4.1 && targets.information < 0.01, "of ln 64 = 4.159")
  }

  @Test func `DINO whose teacher is the student collapses, and its features with it`() throws {
    let watched = try watch(tinyDINO(), steps: 120, learningRate: 1e-3, teacherMomentum: 0)
    #expect(try #require(watched.verdicts.last).isCollapse, "\(watched.verdicts)")
    #expect(try #require(watched.last?.student).effectiveRank < 2)
    var settings = ExperimentConfiguration()
    try settings.set("ema.momentum=0")
    #expect(try #require(watched.verdicts.last?.advice(settings)).contains("ema.momentum is 0"))
  }

  @Test(arguments: [Unguarded.Flaw.byolPredictor, .simSiamPredictor, .stopGradient])
  func `without predictor or stop-gradient all features become the same`(flaw: Unguarded.Flaw) throws {
    let watched = try watch(Unguarded(flaw), steps: 80, learningRate: 3e-3, teacherMomentum: 0.9, noise: 2)
    #expect(watched.verdicts.last == .dimensional, "\(watched.verdicts)")
    let projections = try #require(watched.last?.projections)
    #expect(projections.deviation < 0.1 && projections.effectiveRank < 2)
  }

  @Test func `BYOL and SimSiam as published are healthy on the same images`() throws {
    let byol = try watch(tinyBYOL(), steps: 150, learningRate: 3e-3, teacherMomentum: 0.9, noise: 2)
    let simSiam = try watch(tinySimSiam(), steps: 150, learningRate: 3e-3, noise: 2)
    for watched in [byol, simSiam] {
      #expect(watched.verdicts.last == .healthy)
      #expect(!watched.verdicts.contains { $0.isCollapse }, "\(watched.verdicts)")
      #expect(try #require(watched.last?.projections).deviation > 0.4)
    }
    #expect(simSiam.last?.teacher == nil && byol.last?.teacher != nil)
  }

  @Test func `features that are one and the same are the cause of targets that tell nothing`() throws {
    let uniform = TargetStatistics(
      prototypes: 64, meanEntropy: 4.158, entropyOfMean: 4.1585, favourites: Array(repeating: 3, count: 16))
    // Deviations of 0, and of 0.03, what uniform targets leave.
    for (noise, verdict) in [(0, .dimensional), (0.01, .uniform)] as [(Float, CollapseWatch.Verdict)] {
      let features = Tensor(
        hashFilled("features", [16, 8]).array.map { 1 + noise * $0 }, [16, 8])
      var watch = CollapseWatch()
      for _ in 0..<40 {
        watch.note(
          loss: 4.158, outputs: MethodOutputs(student: features, teacher: features, targets: uniform))
      }
      let look = watch.look(steps: 40)
      #expect(look.seen == verdict, "\(String(describing: look.student))")
    }
  }

  @Test func `a run that learns nothing has not started`() throws {
    let still = try watch(tinySimSiam(), steps: 60, learningRate: 0, isOneBatch: true)
    #expect(Set(still.verdicts) == [.notStarted])
    let learning = try watch(tinySimSiam(), steps: 60, learningRate: 1e-3, isOneBatch: true)
    #expect(learning.verdicts.last == .healthy)
  }
}
