import EmanateAugmentations
import EmanateImages
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// A backbone that is only read from: its weights, and how images are prepared for it.
public struct FrozenNetwork {
  /// What it is; a vision transformer's `side` is the one that its position table was stored for.
  public let architecture: any Architecture
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
  private let backbone: any Backbone
  private let store: ParameterStore

  /// The architecture's initialisation under `seed`; a run's student begins from the same numbers under that
  /// seed.
  public init(
    random architecture: any Architecture, side: Int, normalization: Normalization, seed: UInt64,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let store = ParameterStore(scope)
    store.initialize(seed: seed)
    self.init(
      architecture, backbone, store, side: side, normalization: normalization, decoder: decoder, notes: [])
  }

  /// The backbone of a network that is being trained, its numbers as they are now, copied; heads are left out. The
  /// store holds parameters and buffers of the architecture under its names.
  public init(
    copying trained: ParameterStore, _ architecture: any Architecture, side: Int,
    normalization: Normalization,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let store = ParameterStore(scope)
    let parameters = Dictionary(uniqueKeysWithValues: trained.parameters.map { ($0.name, $0) })
    for parameter in store.parameters {
      guard let source = parameters[parameter.name] else {
        preconditionFailure("FrozenNetwork: \(parameter.name) is not in the trained network")
      }
      store.set(parameter, to: trained[source])
    }
    let buffers = Dictionary(uniqueKeysWithValues: trained.buffers.map { ($0.name, $0) })
    for buffer in store.buffers {
      guard let source = buffers[buffer.name] else {
        preconditionFailure("FrozenNetwork: \(buffer.name) is not in the trained network")
      }
      store.set(buffer, to: trained[source])
    }
    self.init(
      architecture, backbone, store, side: side, normalization: normalization, decoder: decoder, notes: [])
  }

  init(
    _ architecture: any Architecture, _ backbone: any Backbone, _ store: ParameterStore, side: Int,
    normalization: Normalization,
    decoder: ImageDecoder, notes: [String]
  ) {
    precondition(
      side > 0 && side % backbone.patch == 0, "FrozenNetwork: side \(side) and patch \(backbone.patch)")
    (self.backbone, self.store, self.side) = (backbone, store, side)
    (self.normalization, self.decoder, self.notes) = (normalization, decoder, notes)
    self.architecture = architecture
  }

  /// The length of a feature row.
  public var width: Int { backbone.width }

  /// The class token after the final LayerNorm, or the averaged last map: patches [B, P, 3·patch²] -> [B, D]. Nothing is
  /// random, and batch normalisations use their running statistics.
  public func features(_ patches: Tensor) -> Tensor {
    backbone.features(patches, first: 0, Pass(store, mode: .evaluation, precision: precision)).value
  }

  /// The number of weights.
  public var parameterCount: Int { store.parameterCount }

  /// The same architecture, side, normalisation and decoder with the initialisation of `seed`.
  public func randomized(seed: UInt64) -> FrozenNetwork {
    var network = FrozenNetwork(
      random: architecture, side: side, normalization: normalization, seed: seed, decoder: decoder)
    network.precision = precision
    return network
  }
}
