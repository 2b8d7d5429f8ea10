import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// Backbones as ONNX operators: every architecture that users can name, whoever added it.
@Suite struct NetworkGraphTests {
  /// The greatest of a family differ from its others in numbers only.
  static let names = ArchitectureRegistry.all.map { $0.name }
    .filter { !["resnet50", "resnet101", "resnet152", "vit_base"].contains($0) }

  /// A network with everything that is 0 or 1 at first drawn anew.
  private func network(_ architecture: any Architecture) throws -> (any DrawnBackbone, ParameterStore) {
    let scope = ParameterScope()
    let backbone = try #require(architecture.backbone(scope) as? any DrawnBackbone, "it is not drawn")
    let store = ParameterStore(scope)
    store.initialize(seed: 3)
    for parameter in scope.parameters where parameter.shape.rank == 1 {
      let isGain = !parameter.name.hasSuffix("bias")
      store.set(
        parameter, to: hashFilled(parameter.name, parameter.shape, scale: 0.3, offset: isGain ? 1 : 0))
    }
    for name in ["cls_token", "pos_embed", "reg_token"] {
      if let table = store.parameter(named: name) { store.set(table, to: hashFilled(name, table.shape)) }
    }
    for buffer in scope.buffers {
      let isVariance = buffer.name.hasSuffix("running_var")
      store.set(buffer, to: hashFilled(buffer.name, buffer.shape, scale: 0.3, offset: isVariance ? 1 : 0))
    }
    return (backbone, store)
  }

  /// How far the graph's features are from the network's own, for two images of this side.
  private func distance(_ architecture: any Architecture, side: Int) throws -> Double {
    let (backbone, store) = try network(architecture)
    let images = hashFilled("images", [2, 3, side, side])
    let wanted = backbone.features(
      patchRows(of: images, patch: architecture.patch), first: 0, Pass(store, mode: .evaluation)
    ).value
    let graph = NetworkGraph(store, side: side)
    _ = graph.output(backbone.features(graph.images, graph), named: "features")
    let found = try #require(try GraphComputation.outputs(graph, images)["features"])
    #expect(found.sizes == wanted.shape.array)
    return relativeError(Tensor(found.values, Shape(found.sizes)), wanted)
  }

  @Test(arguments: names)
  func `computed by ONNX's definitions, the operators give the network's features`(name: String) throws {
    var choices = ArchitectureChoices()
    (choices.side, choices.patch) = (32, 16)
    let architecture = try #require(ArchitectureRegistry.entry(named: name)).make(choices)
    #expect(try distance(architecture, side: 32) < 2e-5)
  }

  @Test func `so do registers, LayerScale, positions of another side, thin channels and bottlenecks`() throws
  {
    for interpolation in PositionInterpolation.allCases {
      let sizes = VisionTransformerSizes(
        width: 24, depth: 2, heads: 2, patch: 4, side: 12, positionInterpolation: interpolation, registers: 3,
        layerScale: 0.5, hasMaskToken: true)
      for side in [12, 20] { #expect(try distance(sizes, side: side) < 2e-5, "\(interpolation), \(side)") }
    }
    for (stem, side) in [(ResNetSizes.Stem.cifar, 9), (.imageNet, 33)] {
      let sizes = ResNetSizes(.bottleneck, [1, 2, 1, 1], stem: stem, channels: 3, side: side)
      #expect(try distance(sizes, side: side) < 2e-5, "\(stem)")
    }
    let sizes = ConvNeXtSizes(depths: [1, 1, 2, 1], widths: [4, 6, 8, 10], side: 40)
    #expect(try distance(sizes, side: 40) < 2e-5)
  }

  @Test(arguments: ArchitectureRegistry.all.map { $0.name })
  func `every parameter and buffer is a constant of its name and shape, but for the tokens that are added`(
    name: String
  ) throws {
    var choices = ArchitectureChoices()
    (choices.side, choices.patch) = (32, 16)
    let scope = ParameterScope()
    let backbone = try #require(ArchitectureRegistry.entry(named: name)).make(choices).backbone(scope)
    let graph = NetworkGraph(ParameterStore(scope), side: 32)
    let drawn = try #require(backbone as? any DrawnBackbone, "\(name) is not drawn")
    let features = graph.output(drawn.features(graph.images, graph), named: "features")
    #expect(features.sizes == [backbone.width] && graph.outputs == [features])

    let shapes = Dictionary(
      uniqueKeysWithValues: graph.constants.compactMap { name, constant -> (String, Shape)? in
        if case .numbers(let tensor) = constant, tensor.shape.rank > 0 { (name, tensor.shape) } else { nil }
      })
    let wanted = Dictionary(
      uniqueKeysWithValues: scope.parameters.map { ($0.name, $0.shape) }
        + scope.buffers.map { ($0.name, $0.shape) })
    let table = ["cls_token", "pos_embed"]
    #expect(shapes.filter { $0.key != "tokens" } == wanted.filter { !table.contains($0.key) })
    #expect((shapes["tokens"] != nil) == (wanted["cls_token"] != nil))

    // Every input stands before the node that reads it, and every value but the outputs is read.
    var known = Set(graph.constants.map { $0.name }).union([graph.images.name])
    for node in graph.nodes {
      #expect(known.isSuperset(of: node.inputs), "\(node.output.name)")
      #expect(known.insert(node.output.name).inserted, "\(node.output.name)")
    }
    #expect(known.subtracting(graph.nodes.flatMap { $0.inputs }) == ["features"])
  }

  @Test func `a value that is handed out takes its new name wherever it is read`() {
    let graph = NetworkGraph(ParameterStore(ParameterScope()), side: 4)
    let first = graph.binary("Mul", graph.images, graph.scalar(2))
    let second = graph.binary("Add", first, graph.scalar(2))
    let renamed = graph.output(first, named: "twice")
    _ = graph.output(second, named: "more")
    #expect(graph.outputs.map { $0.name } == ["twice", "more"] && renamed.sizes == [3, 4, 4])
    #expect(graph.nodes.map { $0.output.name } == ["twice", "more"])
    #expect(graph.nodes[1].inputs == ["twice", "number_2.0"])
    #expect(graph.constants.map { $0.name } == ["number_2.0"])
  }
}
