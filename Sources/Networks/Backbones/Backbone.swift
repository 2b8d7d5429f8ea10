import EmanateAutograd
import EmanateTensors

/// A network that gives one feature row an image.
public protocol Backbone: Sendable {
  /// The length of a feature row.
  var width: Int { get }
  /// The side of a patch in pixels.
  var patch: Int { get }
  /// Whether it normalises with its batch: a method then says which views make one.
  var normalizesBatches: Bool { get }

  /// patches: [B, P, 3·patch²], rows as the loader packs them -> [B, D]. `first` is the place of the first
  /// sample in the whole batch, for the keys of randomness.
  func features(_ patches: Tensor, first: Int, _ pass: Pass) -> Variable
}
