import EmanateConfiguration
import Testing

@Suite("Automatic choices") struct AutomaticChoicesTests {
  private typealias Facts = AutomaticChoices.Facts

  @Test(
    "Every choice is an allowed value, and the file of them is read as the same settings",
    arguments: ["dino", "byol", "simsiam", "dinov2", "mean-teacher"],
    [(10, 8), (500, 28), (70_000, 64), (2_000_000, 480)])
  func allowed(method: String, facts: (images: Int, side: Int)) throws {
    let choices = AutomaticChoices(Facts(images: facts.images, medianSide: facts.side), method: method)
      .choices
    #expect(!choices.isEmpty && choices.allSatisfy { !$0.reason.isEmpty })
    var one = ExperimentConfiguration()
    for choice in choices { try one.set("\(choice.path)=\(choice.value)") }
    try one.check()
    var other = ExperimentConfiguration()
    try other.merge(yaml: AutomaticChoices.yaml(choices), source: "text")
    #expect(one == other)
    #expect(Set(choices.map(\.path)).count == choices.count)
    #expect(try one.resolvedRecipe().views.isEmpty == false)
  }

  @Test("Sizes of data go from lightly-train's smallest to DINO's own settings")
  func sizes() throws {
    func value(_ path: String, _ images: Int) -> String? {
      AutomaticChoices(Facts(images: images, medianSide: 300, batch: 128), method: "dino").choices
        .first { $0.path == path }?.value
    }
    #expect(value("head.prototypes", 19_999) == "1024" && value("head.prototypes", 1_281_167) == "65536")
    #expect(
      value("dino.teacherTemperature", 5000) == "0.02"
        && value("dino.teacherTemperature", 1_281_167) == "0.07")
    #expect(value("ema.momentum", 5000) == "0.99" && value("ema.momentum", 1_281_167) == "0.996")
    #expect(value("training.batchSize", 5000) == nil)
  }

  @Test("A half-life in images is kept when the batch is another, and time becomes steps")
  func batches() {
    let small = AutomaticChoices(Facts(images: 5000, medianSide: 300, batch: 32), method: "byol").choices
    #expect(small.first { $0.path == "ema.momentum" }?.value == "0.99749")
    #expect(
      AutomaticChoices.steps(minutes: 10, imagesPerSecond: 100, batch: 50).value == "1164")
  }
}
