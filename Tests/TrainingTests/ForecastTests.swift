import EmanateConfiguration
import EmanateTraining
import Foundation
import Testing

@Suite(.serialized) struct ForecastTests {
  let scratch = Scratch()

  /// A clock that says one second more at each reading: three a step, one of them a wait.
  private final class Ticks {
    var now = 0.0
    func next() -> Double {
      now += 1
      return now
    }
  }

  @Test func `some steps of the run itself give its rate, and nothing is written`() throws {
    let data = try scratch.images(14)
    let training = TrainingRun(
      try tinyConfiguration(steps: 100), data: [data], run: scratch.path + "/run")
    let forecast = try training.forecast(clock: Ticks().next)
    // Three steps for the loader's first batches, three more that are timed.
    #expect(forecast.tried == 6 && forecast.timed == 3 && forecast.steps == 100)
    #expect(forecast.seconds == 300)
    #expect(abs(forecast.imagesPerSecond - 4.0 / 3) < 1e-12)
    #expect(abs(forecast.waitingShare - 1.0 / 3) < 1e-12)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["images"])
  }

  @Test func `a run that goes on is asked for the steps that are left, however few`() throws {
    let (data, run) = (try scratch.images(14), scratch.path + "/run")
    let configuration = try tinyConfiguration(steps: 6)
    try pretrain(configuration, data: data, run: run, stopAfter: 4)
    let before = try bytes(ofRun: run)
    var training = TrainingRun(configuration, data: [data], run: run)
    training.resumes = true
    let forecast = try training.forecast(clock: Ticks().next)
    #expect(forecast.tried == 2 && forecast.steps == 2 && forecast.seconds == 6)
    #expect(try bytes(ofRun: run) == before)
    try pretrain(configuration, data: data, run: run) { $0.resumes = true }
    #expect(try training.forecast(clock: Ticks().next).seconds == 0)
  }
}
