import EmanateAugmentations
import EmanateImages
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// A vision transformer that is only read from: its weights, and how images are prepared for it.
public struct FrozenNetwork {
  /// Its sizes; `sizes.side` is the side its position table was stored for.
  public let sizes: VisionTransformerSizes
  /// The side in pixels of the images it is given; a multiple of the patch.
  public let side: Int
  /// What brings levels to the numbers it was trained on.
  public let normalization: Normalization
  /// How files are decoded: as for the run it comes from.
  public let decoder: ImageDecoder
  /// What a user should know about how it was read, a sentence each.
  public let notes: [String]
  /// What its products are computed with.
  public var precision = Precision.float32
  private let backbone: VisionTransformer
  private let store: ParameterStore

  /// The architecture's initialisation under `seed`; a run's student begins from the same numbers under that
  /// seed.
  public init(
    random sizes: VisionTransformerSizes, side: Int, normalization: Normalization, seed: UInt64,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    let scope = ParameterScope()
    let backbone = VisionTransformer(scope, sizes)
    let store = ParameterStore(scope)
    store.initialize(seed: seed)
    self.init(backbone, store, side: side, normalization: normalization, decoder: decoder, notes: [])
  }

  init(
    _ backbone: VisionTransformer, _ store: ParameterStore, side: Int, normalization: Normalization,
    decoder: ImageDecoder, notes: [String]
  ) {
    precondition(
      side > 0 && side % backbone.patch == 0, "FrozenNetwork: side \(side) and patch \(backbone.patch)")
    (self.backbone, self.store, self.side) = (backbone, store, side)
    (self.normalization, self.decoder, self.notes) = (normalization, decoder, notes)
    sizes = backbone.sizes
  }

  /// The length of a feature row.
  public var width: Int { sizes.width }

  /// The class token after the final LayerNorm: patches [B, P, 3·patch²] -> [B, D], without stochastic depth.
  public func features(_ patches: Tensor) -> Tensor {
    backbone.features(patches, first: 0, Pass(store, mode: .evaluation, precision: precision)).value
  }

  /// The number of weights.
  public var parameterCount: Int { store.parameterCount }

  /// The same architecture, side, normalisation and decoder with the initialisation of `seed`.
  public func randomized(seed: UInt64) -> FrozenNetwork {
    var network = FrozenNetwork(
      random: sizes, side: side, normalization: normalization, seed: seed, decoder: decoder)
    network.precision = precision
    return network
  }
}
