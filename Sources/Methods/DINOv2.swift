import EmanateAutograd
import EmanateConfiguration
import EmanateData
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// DINOv2's objective (Oquab et al. 2023, arXiv:2304.07193, section 4): DINO's loss on class tokens, iBOT's on masked
/// patches (Zhou et al. 2022, arXiv:2111.07832), and KoLeo's, which spreads features.
///
/// The total is DINO + `ibotWeight` · iBOT + `koleoWeight` · the sum of KoLeo over the global crops, as
/// train/ssl_meta_arch.py has it.
public struct DINOv2: Method {
  /// `dinov2`.
  public static let name = "dinov2"
  /// KoLeo compares the images of a batch.
  public var couplesImages: Bool { true }

  /// The architecture that student and teacher share: a vision transformer with a mask token.
  public let backbone: VisionTransformer
  /// What makes logits of class tokens, and of patches; one head may serve both.
  public let head, patchHead: DINOHead
  /// The weights that the optimizer changes.
  public let student: ParameterStore
  /// The moving average of the student's weights.
  public let teacher: ParameterStore
  /// The losses of class tokens and of patches, each with its center.
  public private(set) var criterion: DINOLoss, patchCriterion: IBOTLoss
  private let ibotWeight, koleoWeight: Float
  private let masks: MaskGenerator.Options
  private let seed: UInt64
  private let koleo = KoLeoLoss()
  /// The terms of the last loss.
  private var terms: [(name: String, value: Double)] = []
  private var (studentNotes, teacherNotes) = (FeatureNotes(), FeatureNotes())

  /// Student, teacher and losses as a configuration asks; weights drawn by its seed. The network must be a vision
  /// transformer.
  public init(_ configuration: ExperimentConfiguration) throws(ConfigurationError) {
    guard var sizes = configuration.network.chosen as? VisionTransformerSizes else {
      throw .inconsistent(
        reason: "the method dinov2 masks patches, which `network.architecture`, "
          + "\(configuration.network.architecture.rawValue), does not have; choose a vision transformer")
    }
    sizes.hasMaskToken = true
    let (settings, dino, options) = (configuration.head, configuration.dino, configuration.dinov2)
    let scope = ParameterScope()
    backbone = VisionTransformer(scope, sizes)
    let headSizes = DINOHeadSizes(
      hidden: settings.hidden, bottleneck: settings.bottleneck, prototypes: settings.prototypes,
      normLastLayer: settings.normLastLayer, batchNorm: settings.batchNorm)
    head = DINOHead(scope.scope("head"), from: backbone.width, headSizes)
    patchHead =
      options.separateHeads
      ? DINOHead(scope.scope("ibot_head"), from: backbone.width, headSizes) : head
    student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    teacher = student.copied()
    criterion = DINOLoss(
      prototypes: settings.prototypes, studentTemperature: Float(dino.studentTemperature),
      centerMomentum: Float(dino.centerMomentum), centering: dino.centering.objective)
    patchCriterion = IBOTLoss(
      prototypes: settings.prototypes, studentTemperature: Float(dino.studentTemperature),
      centerMomentum: Float(dino.centerMomentum), centering: dino.centering.objective)
    (ibotWeight, koleoWeight) = (Float(options.ibotWeight), Float(options.koleoWeight))
    var masks = MaskGenerator.Options()
    (masks.share, masks.ratio) = (options.maskShare, options.maskRatio)
    (self.masks, seed) = (masks, UInt64(configuration.seed))
  }

  /// The three losses' weighted sum.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let (globals, images) = (views.groups[0], views.images)
    let grid = Int(Double(globals.shape[1]).squareRoot().rounded())
    let masks = MaskGenerator(rows: grid, columns: grid, seed: seed, options: masks)(
      images: images, views: views.globalViews, step: now.step)
    let places = masks.places.map(Int.init)
    let temperature = Float(now.teacherTemperature)

    let targets = teacher.asTeacher(pass.precision) { pass in
      let (classTokens, patches) = backbone.features(globals, masked: [], places: places, first: 0, pass)
      teacherNotes.add(classTokens.value)
      return (head(classTokens, pass).value, patches.map { patchHead($0, pass).value })
    }
    let (globalTokens, patches) = backbone.features(globals, masked: places, places: places, first: 0, pass)
    studentNotes.add(globalTokens.value)
    var (tokens, first) = ([globalTokens], globals.shape[0])
    for group in views.groups.dropFirst() {
      tokens.append(backbone.features(group, first: first, pass))
      first += group.shape[0]
    }
    var total = criterion(
      student: head(concatenated(tokens), pass), teacher: targets.0, globalViews: views.globalViews,
      teacherTemperature: temperature)
    criterion.noteTeacher(targets.0)
    terms = [("dinoLoss", Double(total.scalar))]
    if let patches, let patchTargets = targets.1 {
      let loss = patchCriterion(
        student: patchHead(patches, pass), teacher: patchTargets, weights: masks.weights, crops: masks.crops,
        teacherTemperature: temperature)
      patchCriterion.noteTeacher(patchTargets)
      terms.append(("ibotLoss", Double(loss.scalar)))
      total = add(total, weightedSum(loss, weights: Tensor([ibotWeight], [1])))
    }
    if koleoWeight > 0 && images > 1 {
      let loss = koleo(globalTokens, crops: views.globalViews)
      terms.append(("koleoLoss", Double(loss.scalar)))
      total = add(total, weightedSum(loss, weights: Tensor([koleoWeight], [1])))
    }
    return total
  }

  /// The heads' last layers during the first epochs.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool {
    now.isLastLayerFrozen && parameter.name.contains("head.last_layer.")
  }

  /// The teacher, with the moment's `teacherMomentum`.
  public func movingAverage(_ now: Moment) -> MovingAverage? {
    MovingAverage(teacher, momentum: now.teacherMomentum)
  }

  /// Moves both centers.
  public mutating func didStep(_ now: Moment) {
    criterion.moveCenter()
    patchCriterion.moveCenter()
    studentNotes.batchDidEnd()
    teacherNotes.batchDidEnd()
  }

  /// The teacher.
  public var networks: [(name: String, store: ParameterStore)] { [("teacher", teacher)] }

  /// The centers, [K] each, where there are any.
  public var state: [(name: String, tensor: Tensor)] {
    criterion.targets.state + patchCriterion.targets.state.map { ("patch." + $0.name, $0.tensor) }
  }

  /// Puts saved centers back.
  public mutating func restore(_ state: [String: Tensor]) {
    if let center = state["center"] { criterion.setCenter(center) }
    if let center = state["patch.center"] { patchCriterion.setCenter(center) }
  }

  /// The terms of the last loss (`ibotLoss` where patches were masked), the targets' entropy and the center's norm.
  public var measures: [(name: String, value: Double)] { terms + criterion.measures }

  /// Class tokens of the global views by both networks, and their targets.
  public var outputs: MethodOutputs {
    MethodOutputs(
      student: studentNotes.features, teacher: teacherNotes.features, targets: criterion.targets.statistics,
      targetLoss: terms.first { $0.name == "dinoLoss" }?.value)
  }
}
