import EmanateAutograd
import EmanateObjectives
import EmanateTensors

/// All terms of distillation by name. A new one is a file and a line here; the line also enrols it in the registry's
/// tests.
public enum TermRegistry {
  /// What a term compares, and so what both networks must have.
  public enum Kind: String, Sendable {
    /// Logits: both need a classifier.
    case response
    /// Outputs of layers, in pairs.
    case layers
    /// What class tokens attend to: both must be vision transformers.
    case attention
    /// The images' features among themselves.
    case relation
    /// The student with itself: no teacher is needed.
    case itself = "self"
    /// Students that learn at the same time: no teacher is needed.
    case online

    /// Whether it compares with a teacher.
    public var needsTeacher: Bool { self != .itself && self != .online }
  }

  /// One term.
  public struct Entry: Sendable {
    /// What users choose it by.
    public let name: String
    /// What it compares.
    public let kind: Kind
    /// The published method that it belongs to, as `emanate distill --sweep` calls it, if that has another name.
    public var family: String?
    /// The weight that its authors give it.
    public var weight = 1.0
    /// What its family sets besides, `path=value` each.
    public var others: [String] = []
    /// One line, with the source and the weight its authors give it.
    public let summary: String
    /// The term, its connectors asked of the site's scope; a sentence about what does not fit is thrown.
    let make: @Sendable (TermSite) throws(TermMisfit) -> any DistillationTerm

    /// A term for `TrainingRun.terms`: `make` asks the site's scope for what the term learns, and throws a sentence about
    /// what does not fit.
    public init(
      name: String, kind: Kind, family: String? = nil, weight: Double = 1, others: [String] = [],
      summary: String, make: @escaping @Sendable (TermSite) throws(TermMisfit) -> any DistillationTerm
    ) {
      (self.name, self.kind, self.family, self.weight) = (name, kind, family, weight)
      (self.others, self.summary, self.make) = (others, summary, make)
    }
  }

  /// Every term.
  public static let all: [Entry] = [
    Entry(
      name: "standardized", kind: .response, weight: 9,
      summary:
        "soft targets of logits with mean 0 and deviation 1 (Sun et al. 2024, arXiv:2403.01427); weight 9",
      make: { site in
        let loss = StandardizedDistillationLoss(temperature: site.temperature)
        return ResponseTerm { loss(student: $0, teacher: $1) }
      }),
    Entry(
      name: "dist", kind: .response,
      summary:
        "correlation of probabilities within and between classes (Huang et al. 2022, arXiv:2205.10536); weight 1",
      make: { site in
        let loss = DISTLoss(temperature: site.temperature)
        return ResponseTerm { loss(student: $0, teacher: $1) }
      }),
    Entry(
      name: "decoupled", kind: .response,
      summary: "true class and the others apart (Zhao et al. 2022, arXiv:2203.08679); weight 1",
      make: { site in
        let loss = DecoupledLoss(temperature: site.temperature)
        return ResponseTerm { loss(student: $0, teacher: $1, labels: $2) }
      }),
    Entry(
      name: "hint", kind: .layers, family: "hints",
      summary: "layers' outputs through a connector (FitNets, Romero et al. 2015, arXiv:1412.6550); weight 1",
      make: { site throws(TermMisfit) in try HintTerm(site) }),
    Entry(
      name: "attention", kind: .layers,
      summary: "where layers are strong (Zagoruyko and Komodakis 2017, arXiv:1612.03928); weight 1",
      make: { site throws(TermMisfit) in try AttentionTerm(site) }),
    Entry(
      name: "variational", kind: .layers, family: "vid",
      summary:
        "layers' outputs with a learned variance a channel (Ahn et al. 2019, arXiv:1904.05835); weight 1",
      make: { site throws(TermMisfit) in try VariationalTerm(site) }),
    Entry(
      name: "classAttention", kind: .attention, family: "attn-distill", weight: 0.1,
      summary:
        "what the class token attends to (AttnDistill, Wang et al. 2022, arXiv:2210.00944); weight 0.1",
      make: { site throws(TermMisfit) in try ClassAttentionTerm(site) }),
    Entry(
      name: "distance", kind: .relation, family: "rkd", weight: 25,
      summary: "distances between images (RKD, Park et al. 2019, arXiv:1904.05068); weight 25",
      make: { _ in RelationTerm { RelationalDistanceLoss()(student: $0, teacher: $1) } }),
    Entry(
      name: "angle", kind: .relation, family: "rkd", weight: 50,
      summary: "angles between images (RKD, Park et al. 2019, arXiv:1904.05068); weight 50",
      make: { _ in RelationTerm { RelationalAngleLoss()(student: $0, teacher: $1) } }),
    Entry(
      name: "similarity", kind: .relation, weight: 3000,
      summary: "which images are alike (Tung and Mori 2019, arXiv:1907.09682); weight 3000",
      make: { _ in RelationTerm { SimilarityPreservingLoss()(student: $0, teacher: $1) } }),
    Entry(
      name: "probabilistic", kind: .relation, family: "pkt", weight: 10,
      summary:
        "each image's neighbours as probabilities (PKT, Passalis and Tefas 2018, arXiv:1803.10837); weight 10",
      make: { _ in RelationTerm { ProbabilisticTransferLoss()(student: $0, teacher: $1) } }),
    Entry(
      name: "correlation", kind: .relation, weight: 0.02,
      summary: "correlation of images by a kernel (Peng et al. 2019, arXiv:1904.01802); weight 0.02",
      make: { _ in RelationTerm { CorrelationCongruenceLoss()(student: $0, teacher: $1) } }),
    Entry(
      name: "contrastive", kind: .relation, family: "crd", weight: 0.8,
      summary: "one image's embeddings against others' (CRD, Tian et al. 2020, arXiv:1910.10699); weight 0.8",
      make: { site throws(TermMisfit) in try ContrastiveTerm(site) }),
    Entry(
      name: "virtual", kind: .itself, family: "tf-kd-reg",
      summary: "a teacher made of the label (Tf-KD_reg, Yuan et al. 2020, arXiv:1909.11723); weight 1",
      make: { site throws(TermMisfit) in try VirtualTeacherTerm(site) }),
    Entry(
      name: "stages", kind: .itself, family: "be-your-own-teacher",
      summary:
        "classifiers behind earlier stages, taught by the last (Zhang et al. 2019, arXiv:1905.08094); weight 1",
      make: { site throws(TermMisfit) in try StagesTerm(site) }),
    Entry(
      name: "average", kind: .online, family: "ema-teacher",
      others: ["ema.schedule=meanTeacher", "ema.momentum=0.99"],
      summary: "the student's own moving average (Tarvainen and Valpola 2017, arXiv:1703.01780); weight 1",
      make: { site throws(TermMisfit) in try AverageTerm(site) }),
    Entry(
      name: "peers", kind: .online, family: "mutual",
      summary: "students that teach one another (Zhang et al. 2018, arXiv:1706.00384); weight 1",
      make: { site throws(TermMisfit) in try PeersTerm(site) }),
  ]

  /// The term of this name, among those of a list.
  public static func entry(named name: String, among known: [Entry] = all) -> Entry? {
    known.first { $0.name == name }
  }
}

/// Why a term cannot compare a student and a teacher, in words that name both sides.
public struct TermMisfit: Error {
  /// A sentence without a full stop.
  public let reason: String

  /// What does not fit.
  public init(reason: String) { self.reason = reason }
}

extension MethodMaterial {
  /// Whether a term of this kind is among those of the configuration.
  func compares(_ kind: TermRegistry.Kind) -> Bool {
    (configuration.distill.weightedTerms ?? []).contains {
      TermRegistry.entry(named: $0.name, among: terms)?.kind == kind
    }
  }
}
