import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateNetworks
import EmanateObjectives

/// What a method is made for.
public struct MethodMaterial: Sendable {
  /// All settings.
  public let configuration: ExperimentConfiguration
  /// The images that are learned from.
  public let folder: ImageFolder
  /// How the views are normalised.
  public let preparation: ImagePreparation
  /// The terms of distillation that `distill.terms` may name.
  public var terms = TermRegistry.all
  /// The augmentations that the recipe may name.
  public var augmentations = AugmentationRegistry.all

  /// Settings and images; `preparation` as the run's recipe has it.
  public init(
    _ configuration: ExperimentConfiguration, _ folder: ImageFolder, preparation: ImagePreparation = .imageNet
  ) {
    (self.configuration, self.folder, self.preparation) = (configuration, folder, preparation)
  }
}

/// All methods by name. A new method is a file and a line here; the line also enrols it in the registry's
/// tests.
public enum MethodRegistry {
  /// What a method learns from.
  public enum Kind: Sendable {
    /// Several views of each image; labels, if it reads any, come on top. Collapse is watched.
    case unlabelled
    /// The label of each image, of which one view is enough.
    case labelled
  }

  /// One method: how it is called, what it is, and how a configuration makes it.
  public struct Entry: Sendable {
    /// What users choose it by.
    public let name: String
    /// One line, with the source.
    public let summary: String
    /// What it learns from.
    public var kind = Kind.unlabelled
    /// The method with freshly initialised networks, for the images of a folder.
    public let make: @Sendable (MethodMaterial) throws -> any Method

    /// A method for `TrainingRun.methods`.
    public init(
      name: String, summary: String, kind: Kind = .unlabelled,
      make: @escaping @Sendable (MethodMaterial) throws -> any Method
    ) {
      (self.name, self.summary, self.kind, self.make) = (name, summary, kind, make)
    }
  }

  /// Every method.
  public static let all: [Entry] = [
    Entry(
      name: DINO.name, summary: "self-distillation with no labels (Caron et al. 2021, arXiv:2104.14294)",
      make: { DINO($0.configuration) }),
    Entry(
      name: BYOL.name, summary: "bootstrap your own latent (Grill et al. 2020, arXiv:2006.07733)",
      make: { BYOL($0.configuration) }),
    Entry(
      name: SimSiam.name,
      summary: "siamese networks without a teacher, a control (Chen and He 2021, arXiv:2011.10566)",
      make: { SimSiam($0.configuration) }),
    Entry(
      name: DINOv2.name,
      summary: "DINO, masked patches and spread features together (Oquab et al. 2023, arXiv:2304.07193)",
      make: { try DINOv2($0.configuration) }),
    Entry(
      name: MeanTeacher.name,
      summary:
        "a few labels, and consistency with the mean of students (Tarvainen and Valpola 2017, arXiv:1703.01780)",
      make: { try MeanTeacher($0.configuration, $0.folder) }),
    Entry(
      name: SupervisedLearning.name,
      summary: "classification from labels, smoothed or mixed (Szegedy et al. 2016, arXiv:1512.00567)",
      kind: .labelled, make: { try SupervisedLearning($0.configuration, $0.folder) }),
    Entry(
      name: KnowledgeDistillation.name,
      summary: "from teachers into a student, with or without labels (Hinton et al. 2015, arXiv:1503.02531)",
      kind: .labelled, make: { try KnowledgeDistillation($0) }),
  ]

  /// The method of this name.
  public static func entry(named name: String) -> Entry? { all.first { $0.name == name } }
}

extension DINO {
  /// Student, teacher and loss as a configuration asks; weights drawn by its seed.
  public init(_ configuration: ExperimentConfiguration) {
    let (head, dino) = (configuration.head, configuration.dino)
    let scope = ParameterScope()
    let encoder = Encoder(
      scope, backbone: configuration.network.chosen.backbone(scope),
      head: DINOHeadSizes(
        hidden: head.hidden, bottleneck: head.bottleneck, prototypes: head.prototypes,
        normLastLayer: head.normLastLayer, batchNorm: head.batchNorm))
    let student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    self.init(
      encoder: encoder, student: student,
      criterion: DINOLoss(
        prototypes: head.prototypes, studentTemperature: Float(dino.studentTemperature),
        centerMomentum: Float(dino.centerMomentum), centering: dino.centering.objective),
      koleoWeight: Float(dino.koleoWeight))
  }
}

extension DINOSettings.Centering {
  /// The loss's name for it.
  var objective: Centering {
    switch self {
    case .ema: .ema
    case .sinkhorn: .sinkhorn
    case .off: .off
    }
  }
}
