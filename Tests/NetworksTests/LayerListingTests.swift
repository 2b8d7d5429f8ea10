import EmanateNetworks
import Testing

@Suite struct LayerListingTests {
  private func listing(_ name: String, side: Int = 32) throws -> LayerListing {
    var choices = ArchitectureChoices()
    (choices.side, choices.stem, choices.channels, choices.patch) = (side, .cifar, 4, 4)
    (choices.width, choices.depth, choices.heads) = name.hasPrefix("vit") ? (16, 2, 2) : (nil, nil, nil)
    return LayerListing(try #require(ArchitectureRegistry.entry(named: name)).make(choices), side: side)
  }

  @Test func `networks of one kind are compared at their last layers`() throws {
    let (here, there) = (try listing("resnet18"), try listing("resnet34"))
    let pair = try #require(here.deepestPair(with: there))
    #expect(pair.here.path == here.layers.last?.path && pair.there.path == there.layers.last?.path)
  }

  @Test func `networks whose last layers differ in size are compared where sizes still agree`() throws {
    let (small, large) = (try listing("mobilenet_v2"), try listing("resnet18"))
    for (here, there) in [(small, large), (large, small)] {
      let pair = try #require(here.deepestPair(with: there))
      #expect(pair.here.shape.dropLast() == pair.there.shape.dropLast() && pair.here.shape.count == 3)
      // Deeper layers of the one have no partner in the other.
      let rest = here.layers[(here.layers.lastIndex { $0.path == pair.here.path }! + 1)...]
      let sizes = there.layers.map { Array($0.shape.dropLast()) }
      #expect(rest.allSatisfy { !sizes.contains(Array($0.shape.dropLast())) })
    }
    #expect(small.layers.last!.shape.dropLast() != large.layers.last!.shape.dropLast())
  }

  @Test func `maps and tokens have no pair`() throws {
    #expect(try listing("vit_micro").deepestPair(with: try listing("resnet18")) == nil)
  }
}
