import EmanateImages
import EmanateReports
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of an SVG file with their attributes, in their order; nil for a file that is not well-formed.
private final class Elements: NSObject, XMLParserDelegate {
  private(set) var all: [(name: String, attributes: [String: String])] = []
  private var written: [String] = []
  /// What stands in each, without the line's end behind it.
  var texts: [String] { written.map { $0.trimmingCharacters(in: .newlines) } }

  static func of(_ svg: String) -> Elements? {
    let (parser, elements) = (XMLParser(data: Data(svg.utf8)), Elements())
    parser.delegate = elements
    return parser.parse() ? elements : nil
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    all.append((name, attributes))
    written.append("")
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { written[written.count - 1] += text }

  func named(_ name: String) -> [[String: String]] { all.filter { $0.name == name }.map(\.attributes) }
}

@Suite struct FeatureMapPlotTests {
  private func plot(_ points: [FeatureMapPlot.Point], classes: [String] = ["cat", "dog"]) -> FeatureMapPlot {
    FeatureMapPlot(title: "t", caption: "c", classes: classes, points: points)
  }

  private func point(_ x: Double, _ y: Double, _ label: Int? = nil, _ name: String = "a.png")
    -> FeatureMapPlot.Point
  {
    FeatureMapPlot.Point(x: x, y: y, label: label, name: name)
  }

  private func number(_ attributes: [String: String], _ key: String) -> Double {
    Double(attributes[key] ?? "") ?? .nan
  }

  @Test func `points lie to one scale for both axes, up is up, and the legend counts them`() throws {
    let points = [point(0, 0, 0), point(4, 0, 1), point(0, 2, 1), point(2, 1)]
    let elements = try #require(Elements.of(plot(points).svg))
    let marks = elements.named("use")
    // Two more in the legend.
    #expect(marks.count == 6)
    let (x, y) = (marks.map { number($0, "x") }, marks.map { number($0, "y") })
    #expect(abs(x[1] - x[0] - 680) < 0.2 && abs(y[0] - y[2] - 340) < 0.2 && y[2] < y[0])
    #expect(abs(x[3] - (x[0] + x[1]) / 2) < 0.2)
    #expect(marks.prefix(4).map { $0["class"] } == ["c0", "c1", "c1", "c"])
    #expect(elements.texts.contains("cat (1)") && elements.texts.contains("dog (2)"))
  }

  @Test func `classes beyond the colours have other marks, and a legend ends where there is no more room`()
    throws
  {
    let classes = (0..<60).map { "class \($0)" }
    let points = (0..<60).map { point(Double($0), 0, $0) }
    let elements = try #require(Elements.of(plot(points, classes: classes).svg))
    let marks = elements.named("use").prefix(40).map { "\($0["href"] ?? "") \($0["class"] ?? "")" }
    #expect(Set(marks).count == 40)
    #expect(elements.texts.contains("and 17 classes more"))
    #expect(elements.texts.contains("class 42 (1)") && !elements.texts.contains("class 43 (1)"))
  }

  @Test func `names of any characters leave the file well-formed`() throws {
    let name = "a<b>&\"c'\u{1}\u{7}]]>\u{1F600}.png"
    let svg = FeatureMapPlot(
      title: name, caption: name, classes: [name], points: [point(0, 0, 0, name), point(1, 1, nil, name)]
    ).svg
    let elements = try #require(Elements.of(svg))
    #expect(elements.texts.contains("a<b>&\"c']]>\u{1F600}.png"))
  }

  @Test func `one point, and points all in one place, lie in the middle`() throws {
    for points in [[point(3, 3)], [point(1e30, 5), point(1e30, 5)]] {
      let elements = try #require(Elements.of(plot(points, classes: []).svg))
      for mark in elements.named("use") {
        #expect(number(mark, "x") == 380 && number(mark, "y") == 404)
      }
    }
  }

  @Test func `pictures stand for their points where they do not cover one another`() throws {
    // Along a line, closer than a picture is wide; and one far away.
    let points = (0..<100).map { point(Double($0), 0, 0) } + [point(0, 99, 1)]
    var map = plot(points)
    let roomy = map.roomy(side: 36)
    #expect(roomy.first == 0 && roomy.last == 100)
    // 680 pixels hold no more than 19 that are 36 apart, and no fewer than that by whole points of 6.87.
    #expect((17...19).contains(roomy.count - 1))
    for (a, b) in zip(roomy.dropLast(), roomy.dropLast().dropFirst()) { #expect(b - a >= 6) }
    let image = Image(repeating: 9, width: 4, height: 3)
    for number in roomy {
      map.thumbnails[number] = .init(png: PNGEncoder().encode(image), width: 32, height: 24)
    }
    let elements = try #require(Elements.of(map.svg))
    let pictures = elements.named("image")
    #expect(pictures.count == roomy.count)
    #expect(elements.named("use").count == 101 - roomy.count + 2)
    let data = try #require(
      pictures[0]["href"]?.split(separator: ",").last.flatMap { Data(base64Encoded: String($0)) })
    #expect(try ImageDecoder().decode(Array(data)) == image)
    // The middle of the picture is the point's place.
    #expect(number(pictures[0], "x") == 40 - 16 && number(pictures[0], "width") == 32)
  }
}
