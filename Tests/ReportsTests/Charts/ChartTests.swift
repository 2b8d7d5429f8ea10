import EmanateReports
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Charts")
struct ChartTests {
  private func chart(_ values: [Double], _ change: (inout Chart) -> Void = { _ in }) -> Chart {
    var chart = Chart(
      "a <chart> & more", unit: "nats", xName: "step",
      lines: [
        Chart.Line(
          "line \"1\"", colour: 0,
          points: values.enumerated().map { Chart.Point(x: Double($0), y: $1, low: $1 - 1, high: $1 + 1) }),
        Chart.Line(
          "second", colour: 9, stroke: .dashed, points: [Chart.Point(x: 0, y: 1), Chart.Point(x: 3, y: 2)]),
      ])
    change(&chart)
    return chart
  }

  private func isWellFormed(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

  @Test(
    "A sheet is well-formed SVG whatever the values",
    arguments: [
      [], [1], [3, 3, 3], [0, 1e-9, 1e9], [.nan, 2, .infinity, 3], [-5, 5], [1e-3, 1e3, 0, -1],
    ] as [[Double]])
  func wellFormed(values: [Double]) {
    for isLogarithmic in [false, true] {
      let charts = [
        chart(values) { $0.isLogarithmic = isLogarithmic },
        chart(values) { $0.levels = [.init(2, "ln <K>")] },
      ]
      let sheet = ChartSheet("A & <B>", keys: [.init("run <1>", colour: 0)], charts: charts)
      #expect(isWellFormed(sheet.svg))
      for part in ["nan", "inf", "<chart>", "http://"] {
        #expect(!sheet.svg.replacing("http://www.w3.org/2000/svg", with: "").contains(part), "\(part)")
      }
      #expect(sheet.svg.contains("prefers-color-scheme:dark"))
    }
  }

  @Test("A line that is no number somewhere breaks off there")
  func pieces() {
    let svg = ChartSheet("", keys: [], charts: [chart([1, 2, .nan, 4, 5, .nan, 7])]).svg
    let line = svg.components(separatedBy: "data-name=\"line &quot;1&quot;\" d=\"")[1].prefix { $0 != "\"" }
    #expect(line.filter { $0 == "M" }.count == 3)
  }

  @Test("The picture shows every line in its colour, as large as twice the SVG file")
  func picture() {
    let sheet = ChartSheet("", keys: [.init("run", colour: 0)], charts: [chart([1, 5, 2, 8])], columns: 1)
    let image = sheet.image
    #expect(sheet.svg.contains("width=\"\(image.width / 2)\""))
    var colours: [Int: Int] = [:]
    for pixel in 0..<image.width * image.height {
      let (red, green, blue) = (
        image.pixels[3 * pixel], image.pixels[3 * pixel + 1], image.pixels[3 * pixel + 2]
      )
      colours[Int(red) << 16 | Int(green) << 8 | Int(blue), default: 0] += 1
    }
    // The first colour, and the ninth, which is the second again.
    #expect(colours[0x0062A8, default: 0] > 500 && colours[0xC85000, default: 0] > 100)
    #expect(colours[0xFFFFFF, default: 0] > image.width * image.height / 2)
  }

  @Test("A wild spread of a few buckets does not flatten the rest")
  func spread() {
    var points = (0..<200).map { Chart.Point(x: Double($0), y: 1, low: 0.9, high: 1.1) }
    points[7] = Chart.Point(x: 7, y: 1, low: 0.9, high: 1e6)
    let svg = ChartSheet(
      "", keys: [], charts: [Chart("spread", xName: "step", lines: [.init("a", colour: 0, points: points)])]
    ).svg
    #expect(!svg.contains("1e6") && !svg.contains("500,000"))
  }
}
