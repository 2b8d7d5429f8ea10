/// Random numbers that are a pure function of a key, so no generator has a state to save or lose.
///
/// A key names what the numbers are for (`purpose`) and for whom: (seed, epoch, sample, view) for
/// augmentation, (seed, step, layer, view, sample) inside a network. The same key gives the same numbers on
/// every machine and for every number of threads. SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable
/// pseudorandom number generators") both mixes the key and runs the stream.
public struct KeyedGenerator: RandomNumberGenerator, Sendable {
  /// What the numbers are for; two purposes with equal keys give unrelated numbers.
  public enum Purpose: UInt64, Sendable {
    /// A network's first numbers.
    case weights = 1
    /// The order of an epoch's samples.
    case order
    /// Crops and augmentations.
    case views
    /// Stochastic depth.
    case dropPath
    /// Which images train and which test.
    case split
    /// The linear probe.
    case probe
    /// Which shares of a batch's images are mixed.
    case mixing
    /// Which patches of a crop are masked.
    case masks
    /// Which images keep their labels.
    case labels
    /// Which images a contrastive loss compares an image with.
    case negatives
    /// Where an attack on an image begins.
    case attacks
    /// Which images are shown, and where a map of them begins.
    case pictures
  }

  private var state: UInt64

  /// A stream for `purpose` under up to five integers that name its user.
  public init(
    seed: UInt64, purpose: Purpose, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0
  ) {
    var key = Self.mixed(seed &+ 0x9E37_79B9_7F4A_7C15 &* purpose.rawValue)
    key = Self.mixed(key ^ UInt64(bitPattern: Int64(a)) &* 0xD6E8_FEB8_6659_FD93 &+ 0x1)
    key = Self.mixed(key ^ UInt64(bitPattern: Int64(b)) &* 0xA076_1D64_78BD_642F &+ 0x2)
    key = Self.mixed(key ^ UInt64(bitPattern: Int64(c)) &* 0xE703_7ED1_A0B4_28DB &+ 0x3)
    state = Self.mixed(key ^ UInt64(bitPattern: Int64(d)) &* 0x8EBC_6AF0_9C88_C6E3 &+ 0x4)
  }

  private static func mixed(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let result = Self.mixed(state)
    state = state &+ 0x9E37_79B9_7F4A_7C15
    return result
  }

  /// Uniform in [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [low, high).
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// Uniform in 0..<count.
  public mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// True with the given probability.
  public mutating func happens(_ probability: Double) -> Bool { uniform() < probability }

  /// Standard normal by Box and Muller (1958); each call uses two uniform numbers.
  public mutating func normal() -> Double {
    let radius = (-2 * logarithm(1 - uniform())).squareRoot()
    return radius * cosine(2 * Double.pi * uniform())
  }

  /// The integers 0..<count in random order (Fisher and Yates).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    var last = count - 1
    while last > 0 {
      order.swapAt(last, index(below: last + 1))
      last -= 1
    }
    return order
  }
}
