import EmanateImages
import EmanateReports
import EmanateTraining
import Foundation
import Testing

@Suite("Inspection pages")
struct InspectionPageTests {
  private func page(_ runs: [MadeRun], data: [String]? = nil) throws -> String {
    let records = try runs.enumerated().map { try RunRecord(RunFolder($1.path), name: "run \($0)") }
    let pictures = data.map { data in records.map { RunPictures(of: $0, data: data) } } ?? []
    return InspectionPage(records, pictures: pictures).html
  }

  private func count(_ part: String, in text: String) -> Int { text.components(separatedBy: part).count - 1 }

  @Test("A page has a chart for everything the run logged, the verdict and the settings")
  func whole() throws {
    let html = try page([MadeRun(steps: 400)])
    for title in [
      "Loss and the teacher&#39;s entropy", "ln 64 = 4.159", "What targets tell", "Deviation of features",
      "Effective rank",
      "Prototypes used", "Distance of weights", "Norm of all gradients", "Norm of gradients by layer",
      "Learning rate",
      "Half-life of the teacher", "Throughput", "Waiting for images", "Nearest neighbours",
    ] {
      #expect(html.contains(title), "\(title)")
    }
    #expect(html.contains("data-verdict=\"healthy\"") && html.contains("healthy: no sign of collapse"))
    #expect(html.contains("<code>head.prototypes</code>"))
    #expect(count("<svg class=\"chart\" viewBox=\"0 0 440", in: html) >= 15)
    // Waiting for 30 % of the time is told, with the setting.
    #expect(html.contains("waited for images for 30 %") && html.contains("<code>data.cache</code>"))
  }

  @Test("Nothing on a page comes from outside, and its policy forbids it")
  func selfContained() throws {
    let html = try page([MadeRun(steps: 60)])
    #expect(html.contains("default-src 'none'") || html.contains("default-src &#39;none&#39;"))
    for part in ["http:", "https:", "//cdn", "@import", "url(", "<link rel=\"stylesheet\"", "src=\"/"] {
      #expect(!html.replacing("http://www.w3.org/2000/svg", with: "").contains(part), "\(part)")
    }
    #expect(html.contains("prefers-color-scheme:dark"))
  }

  @Test(
    "Every verdict is said in words with a setting and its value",
    arguments: [
      ("uniform", "dino: {teacherTemperature: 0.2}", "dino.teacherTemperature=0.04"),
      ("oneHot", "dino: {centering: off}", "dino.centering=ema"),
      ("dimensional", "ema: {momentum: 0}", "ema.momentum=0.99"),
      ("notStarted", "training: {steps: 400, learningRate: 0.0001}", "training.learningRate=0.0003"),
    ])
  func verdicts(verdict: String, settings: String, option: String) throws {
    let html = try page([MadeRun(steps: 400, settings: settings + "\n", line: MadeRun.collapsed(verdict))])
    #expect(html.contains("data-verdict=\"\(verdict)\"") && html.contains("--set \(option)"))
    let words = try #require(CollapseWatch.Verdict(rawValue: verdict)).summary
    #expect(html.contains(words))
  }

  @Test("Runs side by side share their charts, and settings that differ stand in bold")
  func several() throws {
    let runs = [
      try MadeRun(steps: 400),
      try MadeRun(steps: 300, settings: "dino: {centering: off}\n", line: MadeRun.collapsed("oneHot")),
    ]
    let html = try page(runs)
    #expect(html.contains("2 runs side by side") && count("class=\"card\"", in: html) == 2)
    #expect(html.contains("<td><b>off</b></td>") && html.contains("run 1, teacher&#39;s entropy"))
    #expect(count("Loss and the teacher", in: html) == count("Loss and the teacher", in: try page([runs[0]])))
  }

  @Test("Names from files cannot become markup")
  func hostile() throws {
    let name = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover=\"alert(1)"
    let made = try MadeRun(steps: 60, settings: "data: {recipe: '\(name)'}\nmethod: '\(name)'\n") {
      MadeRun.healthy($0).replacing("\"stem\"", with: "\"<script>stem\"")
    }
    let quoted = name.replacing("\"", with: "\\\"")
    try made.write("{\"step\":3,\"path\":\"\(quoted)\",\"reason\":\"\(quoted)\"}\n", "skipped.jsonl")
    let record = try RunRecord(RunFolder(made.path), name: name)
    let html = InspectionPage([record]).html
    #expect(count("<script>", in: html) == 1 && count("</script>", in: html) == 1)
    #expect(!html.contains("<img src=x") && !html.contains("\" onmouseover"))
    #expect(count("&lt;script&gt;alert(1)", in: html) >= 5)
  }

  @Test("A run with labels shows the images held out and its rivals, and says how it ended")
  func labelled() throws {
    let made = try MadeRun(steps: 300, settings: "method: supervised\nvalidation: {share: 0.1}\n") { step in
      let top1 = step % 50 == 0 ? "\(90 - abs(Double(step) - 150) / 10)" : "null"
      return
        "{\"step\":\(step),\"loss\":2,\"trainTop1\":70,\"labelLoss\":1.5,\"validationTop1\":\(top1),\"validationLoss\":0.5}"
    }
    try made.write(
      "{\"teacher_top1\": 91, \"rows\": [{\"name\": \"baseline\", \"top1\": {\"mean\": 80}}]}", "report.json")
    let html = try page([made])
    #expect(html.contains("90.00 % of the images held out at best, after 150 steps"))
    #expect(html.contains("teacher 91 (test)") && html.contains("student without a teacher 80 (test)"))
    #expect(html.contains("Terms of the loss") && html.contains("validation.patience"))
    #expect(!html.contains("Half-life of the teacher"))
  }

  @Test("The views of a folder's images stand in the page as pictures, and what cannot be shown is said")
  func pictures() throws {
    let made = try MadeRun(
      steps: 60, settings: "data: {views: {globalSide: 16, localSide: 8, locals: 2}}\nnetwork: {patch: 4}\n")
    let folder = made.path + "/images"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for number in 0..<4 {
      let pixels = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) }
      try PNGEncoder().write(Image(width: 40, height: 30, pixels: pixels), to: "\(folder)/\(number).png")
    }
    let html = try page([made], data: [folder])
    #expect(count("src=\"data:image/png;base64,", in: html) == 3 * 5)
    #expect(html.contains("global 1") && html.contains("local 2") && html.contains("40 x 30"))
    #expect(html.contains("there is no checkpoint yet"))
    #expect(try page([made], data: ["/nowhere"]).contains("No pictures: "))
  }

  @Test("A page on a long run stays small")
  func size() throws {
    let html = try page([MadeRun(steps: 3000), MadeRun(steps: 2000)])
    #expect(html.utf8.count < 700_000)
  }
}
