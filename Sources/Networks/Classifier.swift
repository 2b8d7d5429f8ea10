import EmanateAutograd
import EmanateTensors

/// A backbone with one linear layer behind it: a score for each class.
public struct Classifier: Sendable {
  /// What the layer's parameters are called, as in torchvision's residual networks: `fc.weight`, `fc.bias`.
  public static let name = "fc"

  /// What makes a feature row of an image.
  public let backbone: any Backbone
  /// What makes logits of a feature row.
  public let layer: Linear

  /// Asks `scope` for the backbone's parameters under its own names and for the layer's under `fc.`.
  public init(_ scope: ParameterScope, backbone: any Backbone, classes: Int) {
    self.backbone = backbone
    layer = Linear(scope.scope(Self.name), from: backbone.width, to: classes)
  }

  /// patches: [B, P, 3·patch²] -> logits [B, C].
  public func callAsFunction(_ patches: Tensor, _ pass: Pass) -> Variable {
    self(Variable(patches), pass)
  }

  /// The same of patches that may be tracked.
  public func callAsFunction(_ patches: Variable, _ pass: Pass) -> Variable {
    layer(backbone.features(patches, first: 0, pass), pass)
  }
}
