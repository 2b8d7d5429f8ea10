import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Every architecture that users can name, whoever added it.
@Suite struct ArchitectureRegistryTests {
  static let names = ArchitectureRegistry.all.map { $0.name }

  private func architecture(_ name: String, _ change: (inout ArchitectureChoices) -> Void = { _ in }) throws
    -> any Architecture
  {
    var choices = ArchitectureChoices()
    change(&choices)
    return try #require(ArchitectureRegistry.entry(named: name)).make(choices)
  }

  private func shapes(_ architecture: any Architecture) -> (
    parameters: [String: Shape], buffers: [String: Shape]
  ) {
    let scope = ParameterScope()
    _ = architecture.backbone(scope)
    return (
      Dictionary(uniqueKeysWithValues: scope.parameters.map { ($0.name, $0.shape) }),
      Dictionary(uniqueKeysWithValues: scope.buffers.map { ($0.name, $0.shape) })
    )
  }

  @Test func `names are told apart`() { #expect(Set(Self.names).count == Self.names.count) }

  @Test(arguments: names)
  func `names and shapes of parameters and buffers are torchvision's or timm's`(name: String) throws {
    let published = try #require(
      try PublishedNetworks().networks[name], "make_architectures.py lacks \(name)")
    let ours = shapes(try architecture(name))
    #expect(ours.parameters == published.parameters.shapes)
    #expect(ours.buffers == published.buffers.shapes)
  }

  @Test(arguments: names)
  func `its metadata give it back`(name: String) throws {
    for side in [224, 32] {
      let made = try architecture(name) {
        ($0.side, $0.patch, $0.stem, $0.channels) = (
          side, side / 8, .cifar, name.hasPrefix("resnet") ? 20 : nil
        )
      }
      let found = try #require(ArchitectureRegistry.architecture(metadata: made.metadata))
      #expect(found.metadata == made.metadata && found.summary == made.summary)
      #expect(found.side == side && found.patch == made.patch)
      #expect(type(of: found) == type(of: made) && shapes(found) == shapes(made))
    }
    for metadata in [[:], ["architecture": "\(name)-x"]] as [[String: String]] {
      #expect(ArchitectureRegistry.architecture(metadata: metadata) == nil)
    }
  }

  @Test(arguments: names.filter { !$0.hasPrefix("vit") })
  func `a network of convolutions is told by the shapes of its tensors, heads beside them or not`(
    name: String
  ) throws {
    for stem in name == "mobilenet_v2" ? [ResNetSizes.Stem.imageNet] : ResNetSizes.Stem.allCases {
      let made = try architecture(name) { $0.stem = stem }
      let (parameters, buffers) = shapes(made)
      let all = parameters.merging(buffers) { $1 }
      let head: [String: Shape] = ["fc.weight": [10, 512], "bn1.num_batches_tracked": [1]]
      for extra in [[:], head] {
        let found = try #require(ArchitectureRegistry.architecture(shapes: all.merging(extra) { $1 }))
        #expect(found.summary == made.summary && shapes(found) == shapes(made))
      }
    }
    #expect(ArchitectureRegistry.architecture(shapes: ["conv1.weight": [64, 3, 7, 7]]) == nil)
  }

  /// The greatest of a family differ from its others in numbers only, and take seconds to draw.
  @Test(arguments: names.filter { !["resnet50", "resnet101", "resnet152", "vit_base"].contains($0) })
  func `new weights give one small image a row of finite numbers, and other weights another`(name: String)
    throws
  {
    let architecture = try architecture(name) { ($0.side, $0.patch, $0.stem) = (32, 8, .cifar) }
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let image = patchRows(of: hashFilled("image", [1, 3, 32, 32]), patch: architecture.patch)
    let rows = [1, 2].map { (seed: UInt64) -> [Float] in
      let store = ParameterStore(scope)
      store.initialize(seed: seed)
      let row = backbone.features(image, first: 0, Pass(store, mode: .evaluation)).value
      #expect(row.shape == [1, backbone.width])
      return row.array
    }
    #expect(rows[0].allSatisfy { $0.isFinite } && Set(rows[0]).count > 1)
    #expect(rows[0] != rows[1])
  }
}

/// What `architectures.json` says of torchvision's and timm's networks.
private struct PublishedNetworks: Decodable {
  /// Shapes by the rest of the name, for each block or range of blocks.
  struct Groups: Decodable {
    let groups: [String: [String: [Int]]]
    init(from decoder: any Decoder) throws {
      groups = try decoder.singleValueContainer().decode([String: [String: [Int]]].self)
    }

    /// `layer3.1...22.` stands for `layer3.1.` to `layer3.22.`.
    var shapes: [String: Shape] {
      var shapes: [String: Shape] = [:]
      for (group, tensors) in groups {
        for prefix in prefixes(group) {
          for (rest, shape) in tensors { shapes[prefix + rest] = Shape(shape) }
        }
      }
      return shapes
    }

    private func prefixes(_ group: String) -> [String] {
      guard let match = group.wholeMatch(of: /(.*\.)(\d+)\.\.\.(\d+)\./) else { return [group] }
      return (Int(match.2)!...Int(match.3)!).map { "\(match.1)\($0)." }
    }
  }

  struct Network: Decodable { let parameters, buffers: Groups }
  let networks: [String: Network]

  init() throws {
    let data = try Data(contentsOf: URL(filePath: goldenPath("parity/architectures.json")))
    self = try JSONDecoder().decode(Self.self, from: data)
  }
}
