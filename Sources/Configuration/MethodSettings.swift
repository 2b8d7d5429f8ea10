/// The projector and predictor of BYOL and SimSiam; `preset` is what the method's paper has.
public struct ProjectorSettings: Hashable, Sendable {
  /// The width of the projector's hidden layers: 4,096 for BYOL, 2,048 for SimSiam.
  public var hidden = PresetOr<Int>.preset
  /// The width of projections and predictions: 256 for BYOL, 2,048 for SimSiam.
  public var output = PresetOr<Int>.preset
  /// The width of the predictor's hidden layer: 4,096 for BYOL, 512 for SimSiam.
  public var predictorHidden = PresetOr<Int>.preset
  /// Whether BYOL's target network begins with weights of its own, as its authors have it, not as a copy.
  public var independentTarget = true
}

/// What DINOv2 adds to DINO.
public struct DINOv2Settings: Hashable, Sendable {
  /// The weight of iBOT's loss of masked patches.
  public var ibotWeight = 1.0
  /// The weight of KoLeo's loss of each global crop.
  public var koleoWeight = 0.1
  /// The share of global crops that have masked patches.
  public var maskShare = 0.5
  /// The share of such a crop's patches that is masked.
  public var maskRatio = 0.1...0.5
  /// Whether class tokens and patches have heads of their own.
  public var separateHeads = false
}

/// Mean Teacher's labels and weights.
public struct MeanTeacherSettings: Hashable, Sendable {
  /// The share of each class's images whose label is used.
  public var labelledShare = 0.1
  /// The consistency's weight after its ramp.
  public var consistencyWeight = 10.0
  /// The share of the run in which that weight rises.
  public var rampShare = 0.2
}
