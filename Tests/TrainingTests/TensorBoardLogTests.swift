import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateInterchange
import EmanateTraining
import Foundation
import SwiftProtobuf
import TensorBoardMessages
import Testing

/// Runs with event files for TensorBoard.
@Suite(.serialized) struct TensorBoardLogTests {
  let scratch = Scratch()

  /// A value under its tag, in the order of reading.
  private struct Event {
    let step: Int
    let value: Tensorboard_Summary.Value
  }

  private func events(_ run: String) throws -> [Event] {
    try EventFile.files(in: RunFolder(run).tensorboard).flatMap { path in
      try TFRecord.Reader(Data(contentsOf: URL(filePath: path))).flatMap { record in
        let event = try Tensorboard_Event(serializedBytes: record)
        return event.summary.value.map { Event(step: Int(event.step), value: $0) }
      }
    }
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  /// Every number of the lines of a file, "STEP KEY" by the last part of its tag.
  private func numbers(_ path: String) throws -> [String: Double] {
    var numbers: [String: Double] = [:]
    for line in try lines(path) {
      let step = try #require(line["step"] as? Int)
      for (key, value) in line where key != "step" && key != "steps" {
        if let number = value as? Double { numbers["\(step) \(key)"] = number }
        for (layer, norm) in value as? [String: Double] ?? [:] { numbers["\(step) \(layer)"] = norm }
      }
    }
    return numbers
  }

  private func text(_ value: Tensorboard_Summary.Value) -> String {
    String(decoding: value.tensor.stringVal.first ?? Data(), as: UTF8.self)
  }

  private let settings = [
    "logging.tensorboard=true", "logging.layersEverySteps=3", "logging.timesEverySteps=4",
    "collapse.everySteps=2",
  ]

  private func configuration(steps: Int, _ more: String...) throws -> ExperimentConfiguration {
    var configuration = try tinyConfiguration(steps: steps)
    for setting in settings + more { try configuration.set(setting) }
    return configuration
  }

  @Test func `every number of metrics and times stands in the events once, at its step, under a group`()
    throws
  {
    let run = scratch.path + "/run"
    try pretrain(try configuration(steps: 9), data: try scratch.images(8), run: run)
    let scalars = try events(run).filter { $0.value.value != nil && $0.value.tensor.stringVal.isEmpty }
    var known = try numbers(run + "/metrics.jsonl")
    known.merge(try numbers(run + "/times.jsonl")) { first, _ in first }
    #expect(scalars.count == known.count && known.count > 9 * 12)
    for scalar in scalars {
      let parts = scalar.value.tag.split(separator: "/")
      #expect(parts.count == 2)
      let number = try #require(known["\(scalar.step) \(parts[1])"], "\(scalar.value.tag)")
      #expect(abs(Double(scalar.value.simpleValue) - number) <= 1e-5 * abs(number), "\(scalar.value.tag)")
    }
    #expect(
      Set(scalars.map { String($0.value.tag.prefix { $0 != "/" }) }) == [
        "loss", "schedule", "targets", "collapse", "gradients", "teacher", "speed",
      ])
  }

  @Test func `events change nothing of a run, and without them there is no folder`() throws {
    let data = try scratch.images(8)
    try pretrain(try configuration(steps: 5), data: data, run: scratch.path + "/with")
    try pretrain(
      try configuration(steps: 5, "logging.tensorboard=false"), data: data, run: scratch.path + "/without")
    let (with, without) = (
      try bytes(ofRun: scratch.path + "/with"), try bytes(ofRun: scratch.path + "/without")
    )
    for (file, contents) in with where file != "config.yaml" && file != "state.json" {
      #expect(without[file] == contents, "\(file)")
    }
    let (one, other) = (RunFolder(scratch.path + "/with"), RunFolder(scratch.path + "/without"))
    #expect(FileManager.default.fileExists(atPath: one.tensorboard))
    #expect(!FileManager.default.fileExists(atPath: other.tensorboard))
    #expect(!ExperimentConfiguration().logging.tensorboard)
  }

  @Test func `a run that is killed and resumed twice tells every step once, and of itself once`() throws {
    let data = try scratch.images(8)
    let whole = scratch.path + "/whole"
    let parts = scratch.path + "/parts"
    try pretrain(try configuration(steps: 12), data: data, run: whole)
    try pretrain(try configuration(steps: 12), data: data, run: parts, stopAfter: 5)
    // As if it had been killed: the newest checkpoint is that of step 4, but step 4 is told.
    try FileManager.default.removeItem(atPath: parts + "/checkpoints/step-5")
    try FileManager.default.removeItem(atPath: parts + "/checkpoints/last")
    try pretrain(try configuration(steps: 12), data: data, run: parts, stopAfter: 9) { $0.resumes = true }
    try pretrain(try configuration(steps: 12), data: data, run: parts) { $0.resumes = true }
    #expect(EventFile.files(in: RunFolder(parts).tensorboard).count == 3)

    func told(_ run: String) throws -> [String] {
      try events(run).filter { !["run", "speed"].contains($0.value.tag.prefix { $0 != "/" }) }.map {
        "\($0.step) \($0.value.tag) \($0.value.simpleValue)"
      }
    }
    #expect(try told(parts) == told(whole))
    let texts = try events(parts).filter { $0.value.tag.hasPrefix("run/") }
    #expect(texts.filter { $0.value.tag == "run/config" }.map(\.step) == [0])
    #expect(texts.filter { $0.value.tag == "run/recipe" }.map(\.step) == [0])
    #expect(texts.filter { $0.value.tag == "run/notes" }.map(\.step) == [0, 4, 9])

    // Finished: nothing more to tell.
    try pretrain(try configuration(steps: 12), data: data, run: parts) { $0.resumes = true }
    #expect(EventFile.files(in: RunFolder(parts).tensorboard).count == 3)
    try pretrain(try configuration(steps: 3), data: data, run: parts) { $0.overwrites = true }
    #expect(EventFile.files(in: RunFolder(parts).tensorboard).count == 1)
    #expect(try events(parts).map(\.step).max() == 2)
  }

  @Test func `the settings, the recipe, notes and pictures stand at the beginning`() throws {
    let run = scratch.path + "/run"
    let image = Image(repeating: 90, width: 6, height: 4)
    try pretrain(try configuration(steps: 2), data: try scratch.images(8), run: run) {
      $0.pictures = { run, preparation in
        #expect(run.configuration.training.batchSize == 4 && preparation.folder.count == 8)
        return [RunPicture("sample/gray", image, description: "gray")]
      }
    }
    let events = try events(run)
    #expect(
      events.prefix(4).map(\.value.tag) == ["run/config", "run/recipe", "sample/gray", "run/notes"])
    for (place, file) in [(0, "config.yaml"), (1, "recipe.yaml")] {
      let shown = text(events[place].value).split(separator: "\n", omittingEmptySubsequences: false)
      #expect(shown.allSatisfy { $0.hasPrefix("    ") })
      #expect(
        try shown.map { $0.dropFirst(4) }.joined(separator: "\n")
          == String(contentsOfFile: run + "/" + file, encoding: .utf8))
    }
    let picture = events[2].value.image
    #expect(picture.width == 6 && picture.height == 4)
    #expect(Array(picture.encodedImageString) == PNGEncoder().encode(image))
    #expect(text(events[3].value).hasPrefix("8 images, 2 steps, from step 0 on"))
  }

  @Test func `pictures that cannot be drawn are noted, and the run goes on`() throws {
    let run = scratch.path + "/run"
    try pretrain(try configuration(steps: 1), data: try scratch.images(8), run: run) {
      $0.pictures = { _, _ in throw TrainingError.knn(reason: "a reason") }
    }
    let notes = try #require(try events(run).first { $0.value.tag == "run/notes" })
    #expect(text(notes.value).contains("no pictures: nearest neighbours (knn.everySteps): a reason"))
  }

  @Test func `a change of the verdict is a text at the step of its look`() throws {
    let run = scratch.path + "/run"
    let notes = Notes()
    try pretrain(
      try configuration(
        steps: 60, "dino.centering=off", "training.batchSize=8", "training.learningRate=0.1",
        "training.checkpointEverySteps=100"), data: try scratch.images(16), run: run, observer: notes)
    let verdicts = try events(run).filter { $0.value.tag == "collapse/verdict" }
    #expect(!verdicts.isEmpty && verdicts.map { text($0.value) } == notes.changes.map(\.description))
    #expect(verdicts.map(\.step) == notes.changes.map { $0.done - 1 })
  }

  @Test func `a folder that cannot be made stops a run before its first step`() throws {
    let run = scratch.path + "/run"
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    try "in the way".write(toFile: run + "/tensorboard", atomically: true, encoding: .utf8)
    let notes = Notes()
    let (data, settings) = (try scratch.images(8), try configuration(steps: 2))
    let error = #expect(throws: FileFailure.self) {
      try pretrain(settings, data: data, run: run, observer: notes)
    }
    #expect(error?.path == run + "/tensorboard" && notes.steps.isEmpty)
  }
}
