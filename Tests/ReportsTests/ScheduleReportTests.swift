import EmanateConfiguration
import EmanateOptimization
import EmanateReports
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Schedule report")
struct ScheduleReportTests {
  private func report(_ overrides: [[String]] = [[]], images: Int = 60_000) throws -> ScheduleReport {
    ScheduleReport(
      try overrides.enumerated().map { index, overrides in
        .init(name: "run & \(index)", plan: try TrainingPlan(.load(overrides: overrides), images: images))
      })
  }

  @Test("The figures are those of the schedules, and 0.996 has a half-life of 172.9 steps")
  func summaries() throws {
    let summaries = try report().summaries
    #expect(
      summaries.map(\.name) == ["learning_rate", "weight_decay", "teacher_momentum", "teacher_temperature"])
    #expect(summaries[0].first == 0)
    #expect(abs(summaries[0].largest - 0.0005 * 64 / 256) < 1e-12)
    let memory = try #require(summaries[2].memory)
    #expect(abs(memory.halfLifeSteps! - 172.9) < 0.1)
    #expect(abs(memory.halfLifeImages! - 64 * memory.halfLifeSteps!) < 1e-6)
    #expect(Set(memory.studentWeights.keys) == ["1", "10", "100", "1000"])
    #expect(summaries[0].memory == nil)
  }

  @Test("The JSON has the fields that scripts rely on, and a teacher that never moves has no half-life")
  func json() throws {
    let text = String(decoding: try JSONEncoder().encode(report().summaries), as: UTF8.self)
    for key in ["\"name\"", "\"first\"", "\"last\"", "\"half_life_steps\"", "\"student_weights\""] {
      #expect(text.contains(key))
    }
    let frozen = try report([["ema.momentum=1"]]).summaries[2].memory
    #expect(frozen?.halfLifeSteps == nil)
  }

  @Test("CSV has every step of a short run, and the last step of a long one")
  func csv() throws {
    let short = try report([["training.steps=20", "training.warmupEpochs=0"]]).csv().split(separator: "\n")
    #expect(short.count == 21)
    #expect(short[1].hasPrefix("run & 0,0,0,"))
    let long = try report().csv(rows: 100).split(separator: "\n")
    #expect(long.count <= 103)
    #expect(long.last!.hasPrefix("run & 0,93699,99,"))
  }

  @Test("The table has a line a schedule with its curve, and the teacher's memory")
  func table() throws {
    let table = try report([[], ["training.epochs=10"]]).table
    #expect(table.contains("93,700 steps, 937 an epoch"))
    #expect(table.contains("cut to 937 steps"))
    #expect(
      try report([["ema.halfLifeImages=11000"]]).table.contains(
        "note: ema.halfLifeImages: 11000 images are a teacher's momentum of 0.995975 in batches of 64"))
    for name in [
      "learning rate", "weight decay", "teacher momentum", "teacher temperature", "half-life in images",
    ] {
      #expect(table.components(separatedBy: name).count >= 3)
    }
    #expect(table.contains("▁") && table.contains("█"))
    #expect(table.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
  }

  @Test("Runs of very different lengths share an axis in percent, and methods leave out what they do not use")
  func overlaid() throws {
    let report = ScheduleReport(
      try ["dino", "byol", "pretrain/dino-fashion"].map {
        let images = Resource.publishedImages(of: $0) ?? 60_000
        let configuration = try ExperimentConfiguration.load(files: [$0])
        return .init(
          name: $0, plan: try TrainingPlan(configuration, images: images), method: configuration.method)
      })
    #expect(report.usualAxis == .share)
    let charts = report.sheet().charts
    #expect(
      charts.map(\.title).prefix(4) == [
        "learning rate", "weight decay", "teacher momentum", "teacher temperature",
      ])
    #expect(charts[3].lines.map(\.name) == ["dino", "pretrain/dino-fashion"])
    #expect(charts.allSatisfy { $0.lines.allSatisfy { $0.points.allSatisfy { $0.x >= 0 && $0.x <= 100 } } })
    let images = report.sheet(.images).charts[0].lines[1].points.last
    #expect(images?.x == Double(312_000 - 1) * 4096)
    #expect(
      try report.summaries.count == 11 && self.report([[], ["training.epochs=90"]]).usualAxis == .epochs)
  }

  @Test("The plot is well-formed XML with a line per run and schedule, also when everything is constant")
  func svg() throws {
    let constant = [
      "training.warmupEpochs=0", "training.learningRate=0", "training.finalLearningRate=0", "ema.momentum=1",
      "optimizer.weightDecay=0", "optimizer.finalWeightDecay=0", "training.steps=1",
    ]
    for runs in [[[]], [[], ["training.epochs=10"]], [constant]] as [[[String]]] {
      let svg = try report(runs).svg
      // A half-life that no run could show is left out.
      let charts = runs[0] == constant ? 5 : 6
      #expect(svg.components(separatedBy: "class=\"line").count == 1 + (charts + 1) * runs.count)
      #expect(XMLParser(data: Data(svg.utf8)).parse())
      #expect(!svg.contains("nan") && !svg.contains("inf"))
      #expect(svg.contains("run &amp; 0") && svg.hasSuffix("</svg>\n"))
    }
  }
}
