import EmanateConfiguration
import EmanateOptimization
import EmanateReports
import Foundation
import Testing

@Suite("What if")
struct WhatIfTests {
  private func whatIf(_ change: String, base: [String] = []) throws -> WhatIf {
    func plan(_ overrides: [String]) throws -> (ExperimentConfiguration, TrainingPlan) {
      let configuration = try ExperimentConfiguration.load(overrides: overrides)
      return (configuration, try TrainingPlan(configuration, images: 60_000))
    }
    let (_, before) = try plan(base)
    let (settings, after) = try plan(base + [WhatIf.setting(change)])
    return WhatIf(
      run: "mine", change: change, before: before, after: after,
      setsHalfLife: settings.ema.halfLifeImages != .off)
  }

  @Test("Four times the batch takes the momentum's fourth power to keep the half-life in images")
  func batch() throws {
    let result = try whatIf("batch=256")
    let keeping = try #require(result.momentumKeepingImages)
    #expect(abs(keeping - pow(0.996, 4)) < 1e-12)
    #expect(abs(EMAHalfLife.steps(momentum: keeping) * 256 - result.before.halfLifeImages!) < 1e-6)
    #expect(abs(result.after.halfLifeImages! - 4 * result.before.halfLifeImages!) < 1e-6)
    #expect(result.text.contains("--set ema.momentum=0.984096 keeps the half-life of 11,068 images"))
    #expect(result.text.contains("ema.halfLifeImages=11068 keeps it for any batch"))
  }

  @Test("Half the epochs leave the half-life in images, and another momentum keeps its share of the run")
  func epochs() throws {
    let result = try whatIf("epochs=50")
    #expect(result.after.momentum == result.before.momentum && result.momentumKeepingImages == 0.996)
    #expect(abs(result.after.halfLifeShare! - 2 * result.before.halfLifeShare!) < 1e-9)
    #expect(abs(result.momentumKeepingShare! - pow(0.996, 2)) < 1e-12)
    #expect(result.text.contains("stays as it is") && result.text.contains("0.992016 keeps it at"))
  }

  @Test("A half-life given in images stays, and a teacher that never moves has none")
  func kept() throws {
    let kept = try whatIf("batch=32", base: ["ema.halfLifeImages=11000"])
    #expect(abs(kept.after.halfLifeImages! - 11_000) < 1e-6)
    #expect(kept.text.contains("ema.halfLifeImages keeps the half-life of 11,000 images."))
    let frozen = try whatIf("batch=32", base: ["ema.momentum=1"])
    #expect(frozen.momentumKeepingImages == nil && frozen.text.contains("no half-life to keep"))
  }

  @Test("Short names stand for settings, other keys for themselves")
  func names() {
    #expect(WhatIf.setting("batch=64") == "training.batchSize=64")
    #expect(WhatIf.setting("momentum=0.9") == "ema.momentum=0.9")
    #expect(WhatIf.setting("optimizer.clip=off") == "optimizer.clip=off")
  }

  @Test("The JSON has before and after with the fields of `emanate schedule`")
  func json() throws {
    let text = String(decoding: try JSONEncoder().encode(whatIf("batch=256")), as: UTF8.self)
    for key in ["before", "after", "half_life_images", "momentum_keeping_images", "peak_learning_rate"] {
      #expect(text.contains("\"\(key)\""))
    }
  }
}
