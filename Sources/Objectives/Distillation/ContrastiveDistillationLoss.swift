import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Contrastive representation distillation (Tian et al. 2020, arXiv:1910.10699, section 3.2): student and
/// teacher embed an image alike, and other images otherwise.
///
/// Noise-contrastive estimation over a memory bank of each side, one row for every image of the data set.
/// With x = exp(v · b/τ)/Z for an embedding v of one side and a row b of the other side's bank, an image
/// costs ln(1 + c/x) for its own row and ln(1 + x/c) for each of K others, c = K/M of M images; both sides'
/// costs are added and averaged over the batch. Z is M times the mean exponential of the first batch and
/// constant from then on, as in the authors' code, which also adds 1e-7 inside the logarithms.
///
/// A step: call the loss, backward, `didStep`. Both embeddings come from learned layers outside.
public struct ContrastiveDistillationLoss: Sendable {
  /// What products of embeddings are divided by, τ.
  public let temperature: Float
  /// The share of a bank's old row that is kept.
  public let momentum: Float
  /// How many other images an image is compared with, K.
  public let negatives: Int
  /// The banks of the student's and the teacher's embeddings, [M, D], rows of length 1.
  public private(set) var studentBank, teacherBank: Tensor
  /// What exponentials are divided by: student's embeddings with the teacher's bank, and the other way round;
  /// [2], 0 before the first batch.
  public private(set) var normalizers = Tensor(repeating: 0, [2])

  private let seed: UInt64
  private let others: OtherImages
  /// What `didStep` puts into the banks.
  private var noted: [(places: [Int], student: Tensor, teacher: Tensor)] = []

  /// A loss over a data set.
  ///
  /// - Parameters:
  ///   - images: M, how many images the data set has.
  ///   - width: D, the embeddings' width; 128 in the paper.
  ///   - classes: Each image's class; others are then drawn from other classes only (the paper's
  ///     choice). nil: from all other images.
  ///   - negatives: K; nil: the paper's 16384, or M − 1 if that is less.
  ///   - temperature: τ.
  ///   - momentum: The share of a bank's old row that is kept.
  ///   - seed: For the banks' first rows and for what is drawn at every step.
  public init(
    images: Int, width: Int, classes: [Int]? = nil, negatives: Int? = nil, temperature: Float = 0.07,
    momentum: Float = 0.5, seed: UInt64
  ) {
    precondition(
      images >= 2 && width > 0 && temperature > 0 && 0..<1 ~= momentum && negatives ?? 1 > 0,
      "CRD: \(images) images, width \(width), temperature \(temperature), momentum \(momentum)"
    )
    (self.temperature, self.momentum, self.seed) = (temperature, momentum, seed)
    self.negatives = negatives ?? min(16384, images - 1)
    others = OtherImages(images: images, classes: classes)
    let banks = (0..<2).map { side in
      let bank = Tensor(uninitialized: [images, width])
      ThreadPool.shared.forEach(images) { row in
        var generator = KeyedGenerator(seed: seed, purpose: .negatives, -1, row, side)
        let at = bank.pointer + row * width
        for i in 0..<width { at[i] = Float(generator.normal()) }
        var norm: Float = 0
        em_l2_normalize(at, 1, width, 1e-12, at, &norm)
      }
      return bank
    }
    (studentBank, teacherBank) = (banks[0], banks[1])
  }

  /// student, teacher: [N, D] embeddings of any length -> [1]; gradients reach both.
  ///
  /// - Parameters:
  ///   - places: Which images they are, 0..<M.
  ///   - step: The number of the step; with the seed and an image's place it says what that image is compared
  ///     with.
  public mutating func callAsFunction(student: Variable, teacher: Variable, places: [Int], step: Int)
    -> Variable
  {
    let (rows, width) = (student.shape[0], studentBank.shape[1])
    precondition(
      student.shape == [rows, width] && teacher.shape == student.shape && places.count == rows && rows > 0
        && places.allSatisfy { 0..<studentBank.shape[0] ~= $0 },
      "CRD: student \(student.shape), teacher \(teacher.shape), \(places.count) places, \(studentBank.shape)"
    )
    let compared = UnsafeMutablePointer<Int>.allocate(capacity: rows * (negatives + 1))
    defer { compared.deallocate() }
    ThreadPool.shared.forEach(rows) { row in
      compared[row * (negatives + 1)] = places[row]
      draw(places[row], step: step, into: compared + row * (negatives + 1) + 1)
    }
    let (ours, theirs) = (Directions(student.value), Directions(teacher.value))
    let first = side(ours, teacherBank, compared, normalizer: normalizers.array[0])
    let second = side(theirs, studentBank, compared, normalizer: normalizers.array[1])
    normalizers = Tensor([first.normalizer, second.normalizer], [2])
    noted.append((places, ours.rows, theirs.rows))
    return record(
      Tensor([Float(first.loss + second.loss)], [1]), [student, teacher],
      KnownGradientsBackward(gradients: [first.gradient, second.gradient]))
  }

  /// Which K images the image at a place is compared with at a step: drawn with replacement.
  public func images(comparedWith place: Int, step: Int) -> [Int] {
    Array(unsafeUninitializedCapacity: negatives) { drawn, count in
      if let base = drawn.baseAddress { draw(place, step: step, into: base) }
      count = negatives
    }
  }

  private func draw(_ place: Int, step: Int, into images: UnsafeMutablePointer<Int>) {
    var generator = KeyedGenerator(seed: seed, purpose: .negatives, step, place)
    for k in 0..<negatives { images[k] = others.draw(for: place, &generator) }
  }

  /// Moves the banks' rows of the images seen since the last time: b ← m b + (1 − m) v, brought to length 1.
  public mutating func didStep() {
    let (width, momentum) = (studentBank.shape[1], momentum)
    func move(_ bank: inout Tensor, _ rows: Tensor, _ places: [Int]) {
      bank.withMutableElements { bank in
        guard let base = bank.baseAddress else { return }
        for (row, place) in places.enumerated() {
          let at = base + place * width
          var norm: Float = 0
          em_scale(at, momentum, width)
          em_add(at, rows.pointer + row * width, 1 - momentum, width)
          em_l2_normalize(at, 1, width, 1e-12, at, &norm)
        }
      }
      withExtendedLifetime(rows) {}
    }
    for (places, student, teacher) in noted {
      move(&studentBank, student, places)
      move(&teacherBank, teacher, places)
    }
    noted = []
  }

  /// What a checkpoint keeps, between steps: both banks and what exponentials are divided by.
  public var state: [(name: String, tensor: Tensor)] {
    [("studentBank", studentBank), ("teacherBank", teacherBank), ("normalizers", normalizers)]
  }

  /// Puts saved state back; banks [M, D] as here, normalizers [2].
  public mutating func restore(studentBank: Tensor, teacherBank: Tensor, normalizers: Tensor) {
    precondition(
      studentBank.shape == self.studentBank.shape && teacherBank.shape == studentBank.shape
        && normalizers.shape == [2],
      "CRD: banks \(studentBank.shape) and \(teacherBank.shape), not \(self.studentBank.shape)"
    )
    (self.studentBank, self.teacherBank) = (studentBank.copied(), teacherBank.copied())
    self.normalizers = normalizers.copied()
    noted = []
  }

  /// Rows brought to length 1, and the lengths they had.
  private struct Directions {
    let rows, norms: Tensor

    init(_ x: Tensor) {
      (rows, norms) = (Tensor(uninitialized: x.shape), Tensor(uninitialized: [x.shape[0]]))
      em_l2_normalize(x.pointer, x.shape[0], x.shape[1], 1e-12, rows.pointer, norms.pointer)
      withExtendedLifetime(x) {}
    }
  }

  /// One side's cost, with the gradient by its embeddings as they were before they were brought to length 1.
  private func side(
    _ v: Directions, _ bank: Tensor, _ compared: UnsafePointer<Int>, normalizer: Float
  ) -> (loss: Double, gradient: Tensor, normalizer: Float) {
    let (rows, width, images) = (v.rows.shape[0], v.rows.shape[1], bank.shape[0])
    let (count, temperature) = (negatives + 1, Double(temperature))
    let gradient = Tensor(repeating: 0, v.rows.shape)
    // Every exponential, then each row's sum.
    let powers = UnsafeMutablePointer<Double>.allocate(capacity: rows * count + rows)
    defer { powers.deallocate() }
    let sums = powers + rows * count
    return profiled(
      "contrastive distillation loss", Work(rows, width, 2 * count, numbers: rows * count * width)
    ) {
      ThreadPool.shared.forEach(rows) { row in
        let wide = UnsafeMutablePointer<Double>.allocate(capacity: width)
        defer { wide.deallocate() }
        for i in 0..<width { wide[i] = Double(v.rows.pointer[row * width + i]) / temperature }
        sums[row] = 0
        for k in row * count..<(row + 1) * count {
          powers[k] = exponential(em_weighted_sum(bank.pointer + compared[k] * width, wide, width))
          sums[row] += powers[k]
        }
      }
      let total = (0..<rows).reduce(0.0) { $0 + sums[$1] }
      let normalizer = normalizer > 0 ? normalizer : Float(Double(images) * total / Double(rows * count))
      let c = Double(negatives) / Double(images) * Double(normalizer)
      ThreadPool.shared.forEach(rows) { row in
        let to = gradient.pointer + row * width
        sums[row] = 0
        for k in row * count..<(row + 1) * count {
          let isOwn = k == row * count
          sums[row] += logarithm(1 + (isOwn ? c / powers[k] : powers[k] / c))
          let slope = (isOwn ? -c : powers[k]) / (powers[k] + c)
          em_add(to, bank.pointer + compared[k] * width, Float(slope / (temperature * Double(rows))), width)
        }
        em_l2_normalize_backward(
          to, v.rows.pointer + row * width, v.norms.pointer + row, 1e-12, 1, width, to)
      }
      withExtendedLifetime((v.rows, v.norms, bank)) {}
      return ((0..<rows).reduce(0.0) { $0 + sums[$1] } / Double(rows), gradient, normalizer)
    }
  }
}

/// Draws images other than a given one, from other classes where classes are known.
private struct OtherImages: Sendable {
  /// All images, class by class.
  let order: [Int]
  /// For each image the part of `order` it must not meet.
  let excluded: [Range<Int>]

  init(images: Int, classes: [Int]?) {
    guard let classes else {
      order = Array(0..<images)
      excluded = order.map { $0..<$0 + 1 }
      return
    }
    precondition(
      classes.count == images && Set(classes).count > 1,
      "CRD: \(classes.count) classes for \(images) images; two different ones are needed"
    )
    order = (0..<images).sorted { (classes[$0], $0) < (classes[$1], $1) }
    var excluded = Array(repeating: 0..<0, count: images)
    var start = 0
    while start < images {
      var end = start
      while end < images && classes[order[end]] == classes[order[start]] { end += 1 }
      for place in start..<end { excluded[order[place]] = start..<end }
      start = end
    }
    self.excluded = excluded
  }

  func draw(for image: Int, _ generator: inout KeyedGenerator) -> Int {
    let part = excluded[image]
    let place = generator.index(below: order.count - part.count)
    return order[place < part.lowerBound ? place : place + part.count]
  }
}
