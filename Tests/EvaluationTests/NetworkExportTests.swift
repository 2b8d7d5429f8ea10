import EmanateAugmentations
import EmanateAutograd
import EmanateEvaluation
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct NetworkExportTests {
  private static let preparation = ImagePreparation(
    Normalization(mean: [0.25, 0.5, 0.75], std: [0.5, 0.25, 1]), crop: 0.5)

  private func network(_ architecture: any Architecture, side: Int) -> FrozenNetwork {
    FrozenNetwork(random: architecture, side: side, preparation: Self.preparation, seed: 1)
  }

  private let thin = ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 2, side: 8)

  @Test func `a backbone gives features, and the metadata say how its images are prepared`() throws {
    let export = try NetworkExport(network(thin, side: 8))
    #expect(export.graph.outputs.map { $0.name } == ["features"] && export.graph.outputs[0].sizes == [16])
    #expect(export.graph.images.sizes == [3, 8, 8])
    let wanted = [
      "side": "8", "crop": "0.5", "mean": "[0.25, 0.5, 0.75]", "std": "[0.5, 0.25, 1.0]", "input": "levels",
      "architecture": "resnet", "channels": "2",
    ]
    #expect(wanted.allSatisfy { export.metadata[$0.key] == $0.value }, "\(export.metadata)")
    #expect(export.metadata["classes"] == nil)
    #expect(export.description.contains("resized to 16 pixels"), "\(export.description)")
    #expect(export.description.contains("levels from 0 to 1. Gives `features` [batch, 16]"))
  }

  @Test func `levels are normalised inside, unless the caller does it`() throws {
    let levels = try NetworkExport(network(thin, side: 8)).graph
    #expect(levels.nodes.prefix(3).map { $0.operation } == ["Sub", "Div", "Conv"])
    #expect(levels.nodes[0].inputs == ["images", "mean"] && levels.nodes[1].inputs.last == "std")
    for (name, numbers) in [("mean", [0.25, 0.5, 0.75]), ("std", [0.5, 0.25, 1])] as [(String, [Float])] {
      guard case .numbers(let tensor)? = levels.constants.first(where: { $0.name == name })?.value else {
        Issue.record("no constant \(name)")
        continue
      }
      #expect(tensor.shape == [1, 3, 1, 1] && tensor.array == numbers)
    }
    let normalized = try NetworkExport(network(thin, side: 8), images: .normalized)
    #expect(normalized.graph.nodes.first.map { $0.operation + $0.inputs[0] } == "Convimages")
    #expect(normalized.metadata["input"] == "normalized" && normalized.metadata["mean"] != nil)
    #expect(normalized.description.contains("less `mean`, over `std`"))
  }

  @Test func `a classifier gives logits first, then features, and the names of its classes`() throws {
    let backbone = network(thin, side: 8)
    let classifier = FrozenClassifier(
      backbone, weight: cloud(3, 16, seed: 1), bias: cloud(1, 3, seed: 2).reshaped([3]),
      classes: ["a", "b \"c\"", "d"])
    let export = try NetworkExport(classifier)
    #expect(export.graph.outputs.map { $0.name } == ["logits", "features"])
    #expect(export.graph.outputs.map { $0.sizes } == [[3], [16]])
    #expect(export.metadata["classes"] == #"["a","b \"c\"","d"]"#)
    let layer = try #require(export.graph.nodes.last)
    #expect(layer.operation == "Gemm" && layer.inputs == ["features", "fc.weight", "fc.bias"])
    #expect(layer.output.name == "logits")
    #expect(export.description.contains("`logits` [batch, 3] and `features` [batch, 16]"))
  }

  @Test func `images of another side are those of the network, and so are its tokens`() throws {
    let sizes = VisionTransformerSizes(width: 12, depth: 1, heads: 2, patch: 4, side: 8)
    let export = try NetworkExport(network(sizes, side: 20))
    #expect(export.graph.images.sizes == [3, 20, 20] && export.metadata["side"] == "20")
    let tokens = export.graph.constants.first { $0.name == "tokens" }?.value
    guard case .numbers(let table)? = tokens else {
      Issue.record("no table of tokens")
      return
    }
    #expect(table.shape == [1, 26, 12])
  }

  @Test func `a backbone that does not say how it is drawn is refused by its name`() throws {
    do {
      _ = try NetworkExport(network(BrightnessSizes(), side: 4))
      Issue.record("it was drawn")
    } catch {
      let text = "\(error)"
      #expect(text.contains("the backbone Brightness (the mean alone) cannot be written as ONNX"), "\(text)")
    }
  }
}

/// A backbone of somebody's own that has no ONNX form.
private struct Brightness: Backbone {
  var width: Int { 1 }
  var patch: Int { 1 }
  var normalizesBatches: Bool { false }
  func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    Variable(Tensor(repeating: 0, [patches.shape[0], 1]))
  }
}

private struct BrightnessSizes: Architecture {
  var patch: Int { 1 }
  var side: Int { 4 }
  var metadata: [String: String] { ["architecture": "brightness"] }
  var summary: String { "the mean alone" }
  func backbone(_ scope: ParameterScope) -> any Backbone {
    _ = scope.parameter("nothing", [1], .zeros)
    return Brightness()
  }
}
