import EmanateReports
import EmanateTraining
import Testing

@Suite("Sheets of runs")
struct InspectionSheetTests {
  @Test("A sheet has a colour a run, the main charts alone, and says in titles what strokes are")
  func charts() throws {
    let (made, labelled) = (
      try MadeRun(steps: 120, name: "a"),
      try MadeRun(steps: 120, settings: "method: supervised\n", name: "b") { step in
        "{\"step\":\(step),\"loss\":1,\"validationTop1\":\(step)}"
      }
    )
    let records = try [made, labelled].map {
      try RunRecord(RunFolder($0.path), name: "run \($0.path.suffix(1))")
    }
    let alone = try #require(InspectionSheet([records[0]]).sheet)
    #expect(alone.keys.map(\.name) == ["run a"])
    let titles = alone.charts.map(\.title)
    #expect(titles[0] == "Loss and the teacher's entropy: loss, teacher's entropy (dashed)")
    #expect(titles.contains("Effective rank") && titles.contains("Nearest neighbours"))
    #expect(!titles.contains("Learning rate") && alone.charts.allSatisfy { !$0.isEmpty })
    #expect(alone.charts[0].lines.map(\.colour) == [0, 0])
    #expect(alone.charts[0].lines.map(\.stroke) == [.solid, .dashed])

    let both = try #require(InspectionSheet(records).sheet)
    #expect(both.title == "How run a, run b went" && both.keys.map(\.colour) == [0, 1])
    // What the run with labels was for comes first.
    #expect(both.charts.map(\.title).first == "Nearest neighbours")
    let accuracy = try #require(both.charts.first { $0.title.hasPrefix("Accuracy") })
    #expect(accuracy.lines.map(\.colour) == [1])
  }

  @Test("Runs without numbers have no sheet")
  func nothing() throws {
    let made = try MadeRun(steps: 1) { _ in "{\"step\":0,\"collapse\":\"healthy\"}" }
    #expect(InspectionSheet([try RunRecord(RunFolder(made.path), name: "x")]).sheet == nil)
  }
}
