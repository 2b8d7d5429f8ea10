import EmanateTensors

/// Changes images so that a classifier takes them for another class.
///
/// Images are rows of levels, [B, 3·S²], 0...1, and stay there.
public protocol Attack: Sendable {
  /// The changed images, [B, 3·S²]; an image that withstands comes back in some form that the classifier still tells
  /// right. `samples` are the images' places in the folder and key what is random, so that neither batches nor threads
  /// matter.
  func callAsFunction(
    _ images: Tensor, labels: [Int], samples: [Int], on network: any AttackedNetwork
  ) -> Tensor
}

/// How far an attack may go, and how hard it tries.
public struct AttackOptions: Sendable, Equatable {
  /// How far any level may move (L∞), in levels 0...1.
  public var epsilon = 8.0 / 255
  /// How far an image may move in all (L2), in levels 0...1.
  public var epsilonL2 = 0.5
  /// PGD: steps of each start.
  public var steps = 20
  /// PGD: the length of a step; 2.5 epsilon / steps where nothing is said, as in Madry et al.'s challenge, so that any
  /// start reaches any point of the ball.
  public var stepSize: Double?
  /// PGD: random starts.
  public var restarts = 1
  /// Carlini-Wagner: by how much another logit must exceed the own one, κ.
  public var confidence = 0.0
  /// Carlini-Wagner: steps of the search for c.
  public var searchSteps = 9
  /// Carlini-Wagner: Adam's steps for each c.
  public var iterations = 100
  /// Carlini-Wagner: Adam's first learning rate.
  public var learningRate = 0.1
  /// Carlini-Wagner: the first c.
  public var firstConstant = 1.0
  /// Keys the random starts.
  public var seed: UInt64 = 0

  /// The usual ones.
  public init() {}
}

/// Which distance an attack is bounded by.
public enum AttackNorm: Sendable {
  /// The greatest change of a level.
  case linf
  /// The root of the squared changes' sum.
  case l2
}

/// All attacks by name. A new one is a file and a line here.
public enum AttackRegistry {
  /// One name.
  public struct Entry: Sendable {
    /// What users choose it by.
    public let name: String
    /// A line about it.
    public let summary: String
    /// Whether images are made on one classifier and tried on the others.
    public let transfers: Bool
    /// The attack; on the classifier that its images are made on.
    public let make: @Sendable (AttackOptions) -> any Attack

    init(
      _ name: String, _ summary: String, transfers: Bool = false,
      _ make: @escaping @Sendable (AttackOptions) -> any Attack
    ) {
      (self.name, self.summary, self.transfers, self.make) = (name, summary, transfers, make)
    }
  }

  /// Every name, the cheapest first.
  public static let all: [Entry] = [
    Entry(
      "fgsm", "one step of epsilon along the loss gradient's sign (Goodfellow et al. 2015, arXiv:1412.6572)"
    ) {
      FGSM(epsilon: $0.epsilon)
    },
    Entry("pgd", "projected gradient steps on the loss, L-infinity (Madry et al. 2018, arXiv:1706.06083)") {
      PGD(.linf, .crossEntropy, $0)
    },
    Entry("pgd-l2", "the same within an L2 ball") { PGD(.l2, .crossEntropy, $0) },
    Entry("pgd-margin", "PGD on the logits' margin, L-infinity: does not see a saturated softmax") {
      PGD(.linf, .margin, $0)
    },
    Entry("pgd-margin-l2", "the same within an L2 ball") { PGD(.l2, .margin, $0) },
    Entry("cw", "the nearest misread image, L2 (Carlini and Wagner 2017, arXiv:1608.04644)") {
      CarliniWagner($0)
    },
    Entry("transfer", "pgd-margin made on every other classifier, tried on this one", transfers: true) {
      TransferAttack($0)
    },
  ]

  /// The entry of this name.
  public static func entry(named name: String) -> Entry? { all.first { $0.name == name } }
}
