/// Every loss by name, with its source; methods are made of these.
public enum LossRegistry {
  /// A loss's name and a line about it.
  public typealias Entry = (name: String, summary: String)

  /// In the order in which methods came to need them, distillation last.
  public static let all: [Entry] = [
    ("dino", "cross-entropy with a centered, sharpened teacher (Caron et al. 2021, arXiv:2104.14294)"),
    (
      "byol",
      "2 - 2 cos of predictions and the target network's projections (Grill et al. 2020, arXiv:2006.07733)"
    ),
    (
      "simsiam",
      "-cos of predictions and projections that get no gradient (Chen and He 2021, arXiv:2011.10566)"
    ),
    ("ibot", "DINO's cross-entropy on masked patches (Zhou et al. 2022, arXiv:2111.07832)"),
    (
      "koleo",
      "spreads features by the nearest neighbour's distance (Sablayrolles et al. 2019, arXiv:1806.03198)"
    ),
    (
      "consistency",
      "squared distance of student's and teacher's class probabilities (Tarvainen and Valpola 2017, arXiv:1703.01780)"
    ),
    ("labelled-cross-entropy", "cross-entropy of the images whose class is known (the same)"),
    ("distillation", "KL of softened probabilities, times T² (Hinton et al. 2015, arXiv:1503.02531)"),
    ("standardized-distillation", "the same of each row's z-scores (Sun et al. 2024, arXiv:2403.01427)"),
    ("dist", "Pearson correlations over classes and over the batch (Huang et al. 2022, arXiv:2205.10536)"),
    ("decoupled", "KL of the true class and of the other classes apart (Zhao et al. 2022, arXiv:2203.08679)"),
    ("smoothed-cross-entropy", "cross-entropy with smoothed labels (Szegedy et al. 2016, arXiv:1512.00567)"),
    ("hint", "squared difference of features, FitNets (Romero et al. 2015, arXiv:1412.6550)"),
    (
      "attention-transfer",
      "distance of normalised attention maps (Zagoruyko and Komodakis 2017, arXiv:1612.03928)"
    ),
    (
      "variational-information",
      "density of the teacher's features given the student's (Ahn et al. 2019, arXiv:1904.05835)"
    ),
    (
      "relational-distance",
      "distances in a batch in units of their mean, RKD (Park et al. 2019, arXiv:1904.05068)"
    ),
    ("relational-angle", "angles of three images of a batch, RKD (the same)"),
    (
      "similarity-preserving",
      "inner products in a batch, rows normalised (Tung and Mori 2019, arXiv:1907.09682)"
    ),
    (
      "probabilistic-transfer",
      "affinities in a batch as probabilities, PKT (Passalis and Tefas 2018, arXiv:1803.10837)"
    ),
    ("correlation-congruence", "a Gaussian kernel's matrix of a batch (Peng et al. 2019, arXiv:1904.01802)"),
    (
      "contrastive-distillation",
      "an image's embeddings against those of others in memory, CRD (Tian et al. 2020, arXiv:1910.10699)"
    ),
    ("virtual-teacher", "KL from a teacher made of the label, Tf-KD (Yuan et al. 2020, arXiv:1909.11723)"),
    ("mutual-learning", "KL from each other student (Zhang et al. 2018, arXiv:1706.00384)"),
    (
      "shallow-classifier",
      "labels, and the deepest classifier's probabilities and features (Zhang et al. 2019, arXiv:1905.08094)"
    ),
  ]
}
