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
  ///
  /// Patches that are tracked get a gradient, for attacks and attributions; with a pass without tape the weights get none.
  func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable
}

extension Backbone {
  /// The same of images that get no gradient, as in training.
  public func features(_ patches: Tensor, first: Int, _ pass: Pass) -> Variable {
    features(Variable(patches), first: first, pass)
  }
}
