/// Every loss by name, with its source; methods are made of these.
public enum LossRegistry {
  /// A loss's name and a line about it.
  public typealias Entry = (name: String, summary: String)

  /// In the order in which methods came to need them.
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
  ]
}
