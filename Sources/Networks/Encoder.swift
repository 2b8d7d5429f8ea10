import EmanateAutograd
import EmanateTensors

/// A backbone with DINO's head: student and teacher are one encoder with two stores.
public struct Encoder: Sendable {
  /// What makes a feature row of an image.
  public let backbone: any Backbone
  /// What makes logits of a feature row.
  public let head: DINOHead

  /// Asks `scope` for the backbone's parameters under timm's names and the head's under `head.`.
  public init(_ scope: ParameterScope, backbone: any Backbone, head: DINOHeadSizes) {
    self.backbone = backbone
    self.head = DINOHead(scope.scope("head"), from: backbone.width, head)
  }

  /// Logits of all views, [N, K], in the order of the groups.
  ///
  /// groups: for each resolution the views' patches, [V·B, P, 3·patch²]. One backbone pass a resolution, one
  /// head pass for all (main_dino.py's multi-crop wrapper). `seen` is shown every group's features, [V·B, D].
  public func callAsFunction(
    _ groups: [Tensor], _ pass: Pass, seen: (Variable) -> Void = { _ in }
  ) -> Variable {
    var first = 0
    var features: [Variable] = []
    for group in groups {
      features.append(backbone.features(group, first: first, pass))
      seen(features.last!)
      first += group.shape[0]
    }
    return head(concatenated(features), pass)
  }
}
