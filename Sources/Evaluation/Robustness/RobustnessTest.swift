import EmanateData
import EmanateTensors

/// Attacks several classifiers on the same labelled images and counts what each still tells right.
///
/// An accuracy is the share of all images that a classifier tells right before and after the attack: one that is misread as
/// it is counts as lost to every attack.
public struct RobustnessTest {
  /// A classifier with its images as it reads them.
  public struct Subject {
    /// What it is called.
    public let name: String
    /// The classifier.
    public let network: any AttackedNetwork
    /// Levels 0...1, [N, 3·S²].
    public let images: Tensor
    /// The images' classes as places among its logits.
    public let labels: [Int]
    /// The images' places in the folder.
    public let samples: [Int]

    /// All of N images.
    public init(name: String, _ network: any AttackedNetwork, images: Tensor, labels: [Int], samples: [Int]) {
      precondition(
        images.shape.rank == 2 && images.shape[0] == labels.count && samples.count == labels.count
          && !labels.isEmpty,
        "RobustnessTest: images \(images.shape), \(labels.count) labels, \(samples.count)")
      (self.name, self.network, self.images) = (name, network, images)
      (self.labels, self.samples) = (labels, samples)
    }
  }

  /// What an attack left of a classifier.
  public struct Outcome: Sendable, Equatable {
    /// The attack's name.
    public let attack: String
    /// The classifier that the images were made on, where it is another one.
    public let source: String?
    /// The share of all images still told right, in percent.
    public let accuracy: Double
    /// How many images were told right before and not after.
    public let misread: Int
    /// The median L2 distance of those from their originals, in levels; nil where there are none.
    public let medianDistance: Double?
  }

  /// All about one classifier.
  public struct Result: Sendable, Equatable {
    /// What it is called.
    public let name: String
    /// The share of images told right as they are, in percent.
    public let clean: Double
    /// What each attack left.
    public let outcomes: [Outcome]
    /// What its loss's gradient is worth.
    public let masking: GradientMasking
    /// What nobody should overlook, a sentence each.
    public var notes: [String] { RobustnessNotes.of(self) }
  }

  /// The attacks, and how hard they try.
  public let attacks: [AttackRegistry.Entry]
  /// How far they may go.
  public let options: AttackOptions
  /// Images that are attacked together.
  public let batchSize: Int

  /// A test by some attacks.
  public init(_ attacks: [AttackRegistry.Entry], _ options: AttackOptions, batchSize: Int = 50) {
    precondition(batchSize > 0, "RobustnessTest: a batch of \(batchSize)")
    (self.attacks, self.options, self.batchSize) = (attacks, options, batchSize)
  }

  /// The results in the order of the classifiers; `progress` is told what is being done, and images done of how many.
  ///
  /// All classifiers have the same images in the same order. Where images pass from one to another they have one size.
  public func callAsFunction(
    _ subjects: [Subject], progress: (_ doing: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  ) -> [Result] {
    precondition(
      subjects.allSatisfy { $0.samples == subjects[0].samples },
      "RobustnessTest: classifiers with other images")
    let right = subjects.map { told($0, $0.images, Array($0.labels.indices)) }
    var outcomes = subjects.map { _ in [Outcome]() }
    for entry in attacks {
      let attack = entry.make(options)
      for (source, subject) in subjects.enumerated() {
        let victims = entry.transfers ? subjects.indices.filter { $0 != source } : [source]
        // Images that nobody told right are lost already.
        let rows = subject.labels.indices.filter { row in victims.contains { right[$0][row] } }
        let made = made(attack, subject, rows) {
          progress("\(entry.name) on \(subject.name)", $0, rows.count)
        }
        for victim in victims {
          let places = rows.indices.filter { right[victim][rows[$0]] }
          outcomes[victim].append(
            outcome(
              entry.name, source: entry.transfers ? subject.name : nil, subjects[victim],
              made.gathering(places), places.map { rows[$0] }))
        }
      }
    }
    return subjects.indices.map { index in
      let rows = right[index].indices.filter { right[index][$0] }
      return Result(
        name: subjects[index].name, clean: 100 * Double(rows.count) / Double(right[index].count),
        outcomes: outcomes[index], masking: masking(subjects[index], rows))
    }
  }

  /// The attacked images of some rows.
  private func made(
    _ attack: any Attack, _ subject: Subject, _ rows: [Int], progress: (Int) -> Void
  ) -> Tensor {
    let width = subject.images.shape[1]
    var all: [Float] = []
    all.reserveCapacity(rows.count * width)
    for batch in batches(rows) {
      let images = attack(
        subject.images.gathering(batch), labels: batch.map { subject.labels[$0] },
        samples: batch.map { subject.samples[$0] }, on: subject.network)
      all += images.array
      progress(all.count / width)
    }
    return Tensor(all, [rows.count, width])
  }

  /// What is left after the images of `rows`, all told right before, became `made`.
  private func outcome(
    _ name: String, source: String?, _ subject: Subject, _ made: Tensor, _ rows: [Int]
  ) -> Outcome {
    let still = told(subject, made, rows)
    let lost = rows.indices.filter { !still[$0] }
    let distances = lost.map { place in
      distance(made[rows: place..<place + 1], subject.images[rows: rows[place]..<rows[place] + 1])
    }
    return Outcome(
      attack: name, source: source,
      accuracy: 100 * Double(rows.count - lost.count) / Double(subject.labels.count), misread: lost.count,
      medianDistance: median(distances))
  }

  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.array, b.array).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
      .squareRoot()
  }

  /// Whether each of `images`, which belong to `rows`, is told right.
  private func told(_ subject: Subject, _ images: Tensor, _ rows: [Int]) -> [Bool] {
    batches(Array(rows.indices)).flatMap { batch in
      let logits = subject.network.logits(images.gathering(batch))
      let (classes, values) = (logits.shape[1], logits.array)
      return batch.enumerated().map { place, index in
        rank(of: subject.labels[rows[index]], in: Array(values[place * classes..<(place + 1) * classes])) == 0
      }
    }
  }

  private func masking(_ subject: Subject, _ rows: [Int]) -> GradientMasking {
    var (zero, vanishing, margins) = ([Bool](), [Bool](), [Double]())
    for batch in batches(rows) {
      let images = subject.images.gathering(batch)
      let labels = batch.map { subject.labels[$0] }
      let loss = subject.network.gradient(images) { AttackLoss.crossEntropy.slopes($0, labels) }
      let margin = subject.network.gradient(images) { AttackLoss.margin.slopes($0, labels) }
      let (own, whole) = (
        GradientMasking.greatest(loss.gradient), GradientMasking.greatest(margin.gradient)
      )
      zero += own.map { $0 == 0 }
      vanishing += zip(own, whole).map { $0 <= $1 * 0x1p-24 }
      margins += AttackLoss.margins(loss.logits, labels).map { -Double($0) }
    }
    return GradientMasking(zero: zero, vanishing: vanishing, margins: margins)
  }

  private func batches(_ rows: [Int]) -> [[Int]] {
    stride(from: 0, to: rows.count, by: batchSize).map {
      Array(rows[$0..<min($0 + batchSize, rows.count)])
    }
  }
}
