import EmanateAugmentations
import EmanateAutograd
import EmanateData
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
  /// How images are cropped and normalised for it.
  public let preparation: ImagePreparation
  /// How files are decoded: as for the run it comes from.
  public let decoder: ImageDecoder
  /// What a user should know about how it was read, a sentence each.
  public internal(set) var notes: [String]
  /// What its products are computed with.
  public var precision = Precision.float32
  let backbone: any Backbone
  let store: ParameterStore

  /// The architecture's initialisation under `seed`; a run's student begins from the same numbers under that
  /// seed.
  public init(
    random architecture: any Architecture, side: Int, preparation: ImagePreparation, seed: UInt64,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let store = ParameterStore(scope)
    store.initialize(seed: seed)
    self.init(
      architecture, backbone, store, side: side, preparation: preparation, decoder: decoder, notes: [])
  }

  /// The backbone of a network that is being trained, its numbers as they are now, copied; heads are left out. The
  /// store holds parameters and buffers of the architecture under its names.
  public init(
    copying trained: ParameterStore, _ architecture: any Architecture, side: Int,
    preparation: ImagePreparation,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let store = ParameterStore(scope)
    store.take(from: trained, namesOf: store)
    self.init(
      architecture, backbone, store, side: side, preparation: preparation, decoder: decoder, notes: [])
  }

  init(
    _ architecture: any Architecture, _ backbone: any Backbone, _ store: ParameterStore, side: Int,
    preparation: ImagePreparation,
    decoder: ImageDecoder, notes: [String]
  ) {
    precondition(
      side > 0 && side % backbone.patch == 0, "FrozenNetwork: side \(side) and patch \(backbone.patch)")
    (self.backbone, self.store, self.side) = (backbone, store, side)
    (self.preparation, self.decoder, self.notes) = (preparation, decoder, notes)
    self.architecture = architecture
  }

  /// The length of a feature row.
  public var width: Int { backbone.width }

  /// The class token after the final LayerNorm, or the averaged last map: patches [B, P, 3·patch²] -> [B, D]. Nothing is
  /// random, and batch normalisations use their running statistics.
  public func features(_ patches: Tensor) -> Tensor {
    backbone.features(patches, first: 0, Pass(store, mode: .evaluation, precision: precision)).value
  }

  /// The same features of patches that may be tracked: their gradient flows back through the network, whose weights are
  /// constants and get none.
  package func features(_ patches: Variable) -> Variable {
    backbone.features(patches, first: 0, Pass(store, mode: .evaluation, precision: precision))
  }

  /// The same features, and the outputs of the layers at some paths, in the order of the paths; nil for a path where
  /// there is none.
  public func features(_ patches: Tensor, layers paths: [String]) -> (features: Tensor, layers: [Tensor?]) {
    let pass = Pass(store, mode: .evaluation, precision: precision)
    pass.keeps = .some(Set(paths))
    let features = backbone.features(patches, first: 0, pass).value
    return (features, paths.map { pass.layer($0)?.value.float32() })
  }

  /// The backbone and its numbers, for whoever writes them down as ONNX operators.
  var drawn: (backbone: any DrawnBackbone, store: ParameterStore) {
    get throws(WeightsError) {
      guard let backbone = backbone as? any DrawnBackbone else {
        throw .notDrawn(backbone: "\(type(of: backbone))", summary: architecture.summary)
      }
      return (backbone, store)
    }
  }

  /// The number of weights.
  public var parameterCount: Int { store.parameterCount }

  /// Gives a network in training this one's backbone, parameters and buffers; its heads keep what they have. It holds
  /// parameters and buffers of the same architecture, so named.
  public func give(to trained: ParameterStore) { trained.take(from: store, namesOf: store) }

  /// The backbone's parameters and buffers, by name, with their shapes.
  public var shapes: [String: Shape] {
    let pairs = store.parameters.map { ($0.name, $0.shape) } + store.buffers.map { ($0.name, $0.shape) }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  /// Whether an image's features are the same to the last bit whatever images stand beside it in a batch: where nothing
  /// but convolutions is computed. Products of few rows are OpenBLAS's, which sums in another order by a row's place.
  package var keepsImagesApart: Bool {
    architecture is ResNetSizes || architecture is MobileNetV2Sizes
  }

  /// 16 hexadecimal digits that stand for what it computes: architecture, side, normalisation, and every number.
  package var fingerprint: String { hash.digits }

  package var hash: FNV1a {
    var hash = FNV1a()
    hash.add("\(architecture) \(side) \(preparation.normalization) \(precision)")
    hash.add(store)
    return hash
  }

  /// The same architecture, side, preparation and decoder with the initialisation of `seed`.
  public func randomized(seed: UInt64) -> FrozenNetwork {
    var network = FrozenNetwork(
      random: architecture, side: side, preparation: preparation, seed: seed, decoder: decoder)
    network.precision = precision
    return network
  }
}

extension FNV1a {
  /// Adds the names and numbers of all parameters and buffers.
  mutating func add(_ store: ParameterStore) {
    for (name, tensor) in store.tensors {
      add(name)
      add(tensor.array)
    }
  }
}

extension ParameterStore {
  /// Takes the numbers of everything that `names` has from another store, where all of it must be.
  fileprivate func take(from other: ParameterStore, namesOf names: ParameterStore) {
    let (mine, others) = (
      Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) }),
      Dictionary(uniqueKeysWithValues: other.parameters.map { ($0.name, $0) })
    )
    for name in names.parameters.map(\.name) {
      guard let target = mine[name], let source = others[name] else {
        preconditionFailure("FrozenNetwork: \(name) is not in both networks")
      }
      set(target, to: other[source])
    }
    let (myBuffers, otherBuffers) = (
      Dictionary(uniqueKeysWithValues: buffers.map { ($0.name, $0) }),
      Dictionary(uniqueKeysWithValues: other.buffers.map { ($0.name, $0) })
    )
    for name in names.buffers.map(\.name) {
      guard let target = myBuffers[name], let source = otherBuffers[name] else {
        preconditionFailure("FrozenNetwork: \(name) is not in both networks")
      }
      set(target, to: other[source])
    }
  }
}
