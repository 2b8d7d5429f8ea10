import EmanateTensors

/// The layers of a backbone whose outputs can be asked for, with the shapes they have for one image.
public struct LayerListing: Sendable {
  /// A layer's path and the shape of its output without the batch: [H, W, C] of a map, [T, D] of tokens.
  public typealias Layer = (path: String, shape: [Int])

  /// All of them, in the order of computation.
  public let layers: [Layer]
  /// The length of a feature row.
  public let width: Int

  /// Found by running an image of zeros of this side through new weights of zeros.
  public init(_ architecture: any Architecture, side: Int) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let pass = Pass(ParameterStore(scope), mode: .evaluation)
    pass.keeps = .all
    let patch = architecture.patch
    let image = Tensor(repeating: 0, [1, (side / patch) * (side / patch), 3 * patch * patch])
    _ = backbone.features(image, first: 0, pass)
    layers = pass.layers.map { ($0.path, Array($0.value.shape.array.dropFirst())) }
    width = backbone.width
  }

  /// The layer at a path, or the last one in it; nil if there is none.
  public subscript(_ path: String) -> Layer? {
    layers.last { KeptLayers.some([path]).wants($0.path) }
  }

  /// The deepest layer here that another network has a layer of equal height and width for (of tokens: as many), and the
  /// deepest such one there; nil where no two sizes agree.
  public func deepestPair(with other: LayerListing) -> (here: Layer, there: Layer)? {
    for mine in layers.reversed() {
      let found = other.layers.last {
        $0.shape.count == mine.shape.count && $0.shape.dropLast() == mine.shape.dropLast()
      }
      if let found { return (mine, found) }
    }
    return nil
  }
}
