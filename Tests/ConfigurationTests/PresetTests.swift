import EmanateConfiguration
import EmanateOptimization
import Testing

@Suite("Published presets")
struct PresetTests {
  private func plan(_ name: String) throws -> TrainingPlan {
    try TrainingPlan(.load(files: [name]), images: try #require(Resource.publishedImages(of: name)))
  }

  @Test(
    "Each is found by its bare name, says its images, and has a recipe and a plan",
    arguments: Resource.presets)
  func whole(name: String) throws {
    let configuration = try ExperimentConfiguration.load(files: [name])
    #expect(try configuration == ExperimentConfiguration.load(files: ["presets/\(name).yaml"]))
    _ = try configuration.resolvedRecipe()
    let plan = try plan(name)
    // What is published must not be cut to fit.
    #expect(plan.warnings.isEmpty, "\(plan.warnings)")
    #expect(plan.steps > 30_000 && plan.peakLearningRate > 0)
  }

  @Test("They are the published ones, with their methods")
  func names() throws {
    #expect(
      Set(["dino", "dino-300", "dinov2", "byol", "lightly-byol", "solo-dino-cifar10"]).isSubset(
        of: Resource.presets))
    #expect(try ExperimentConfiguration.load(files: ["byol"]).method == "byol")
    #expect(try ExperimentConfiguration.load(files: ["dinov2"]).method == "dinov2")
    #expect(Resource.publishedImages(of: "solo-byol-cifar10") == 50_000)
    #expect(
      Resource.publishedImages(of: "quickstart") == nil && Resource.publishedImages(of: "nowhere") == nil)
  }

  @Test("Rates, lengths and momenta are the publications'")
  func figures() throws {
    let dino = try plan("dino")
    #expect(dino.steps == 250_200 && abs(dino.peakLearningRate - 0.001) < 1e-12)
    #expect(dino.teacherMomentum(0) == 0.996 && dino.learningRate(0) == 0)
    let byol = try plan("byol")
    #expect(abs(byol.peakLearningRate - 3.2) < 1e-12 && byol.stepsPerEpoch == 312 && byol.clip == nil)
    #expect(byol.weightDecay(5000) == 1.5e-6)
    // 100 of its epochs of 1,250 steps, ten of warm-up, and √(2048 / 1024) of the rate.
    let dinov2 = try plan("dinov2")
    #expect(dinov2.steps == 125_000 && dinov2.teacherMomentum(0) == 0.992)
    #expect(abs(dinov2.learningRate(12_499) - 0.004 * 2.0.squareRoot()) < 1e-9)
    #expect(abs(dinov2.teacherTemperature(37_499) - 0.07) < 1e-9 && dinov2.teacherTemperature(0) == 0.04)
    let lightly = try plan("lightly-byol")
    #expect(lightly.teacherMomentum(lightly.steps - 1) == 1)
    #expect(abs(lightly.learningRate(lightly.steps - 1) - 0.001 * lightly.peakLearningRate) < 1e-12)
    let solo = try plan("solo-dino-cifar10")
    #expect(solo.steps == 195_000 && solo.learningRate(0) == 3e-5 && solo.teacherMomentum(0) == 0.9995)
  }
}
