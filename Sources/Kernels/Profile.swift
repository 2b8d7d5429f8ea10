import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How much an operation computes and moves, reckoned from its shapes.
public struct Work: Sendable {
  /// Floating-point operations of matrix products; a multiplication and an addition are two. What runs over rows or
  /// elements (normalisation, GELU, softmax) is not counted.
  public var operations: Double
  /// Numbers of the operands read and of the results written, once each.
  public var bytes: Double

  /// `count` products [rows, depth] [depth, columns], and as many float32 numbers in operands and results.
  public init(products count: Int = 1, _ rows: Int, _ depth: Int, _ columns: Int, numbers: Int) {
    operations = 2 * Double(count) * Double(rows) * Double(depth) * Double(columns)
    bytes = 4 * Double(numbers)
  }

  /// No products, only numbers read and written.
  public init(numbers: Int) { (operations, bytes) = (0, 4 * Double(numbers)) }
}

/// How long operations take, by kind: what `emanate benchmark step --profile` prints.
///
/// Off until `begin()`, and then for the thread that begins it. Times are of the clock on the wall and exclude
/// operations inside, so they add up to no more than the time between `begin()` and `end()`.
public final class Profile: Sendable {
  /// What one kind of operation took.
  public struct Line: Sendable {
    /// The operation's name; gradients have lines of their own, `linear, gradient` say.
    public let kind: String
    /// How often it ran.
    public fileprivate(set) var calls = 0
    /// Seconds on the wall, without operations inside it.
    public fileprivate(set) var seconds = 0.0
    /// Floating-point operations of its matrix products.
    public fileprivate(set) var operations = 0.0
    /// Bytes of operands and results.
    public fileprivate(set) var bytes = 0.0
  }

  /// The process's profile.
  public static let shared = Profile()

  private struct State {
    var lines: [String: Line] = [:]
    /// Seconds spent in operations inside each one that is open.
    var inside: [Double] = []
  }

  /// The thread that is measured; 0 for none.
  private let thread = Atomic<UInt>(0)
  private let state = Mutex(State())

  private init() {}

  /// Forgets what was measured and measures from here on.
  public func begin() {
    state.withLock { $0 = State() }
    thread.store(currentThread(), ordering: .relaxed)
  }

  /// Stops measuring; the kinds, longest first.
  public func end() -> [Line] {
    thread.store(0, ordering: .relaxed)
    return state.withLock { state in state.lines.values.sorted { $0.seconds > $1.seconds } }
  }

  fileprivate func measure<Result>(
    _ kind: () -> String, _ work: () -> Work, _ body: () -> Result
  ) -> Result {
    let measured = thread.load(ordering: .relaxed)
    guard measured != 0 && measured == currentThread() else { return body() }
    state.withLock { $0.inside.append(0) }
    let start = ContinuousClock.now
    let result = body()
    let took = (ContinuousClock.now - start) / .seconds(1)
    let (name, work) = (kind(), work())
    state.withLock { state in
      let inside = state.inside.popLast() ?? 0
      if let outer = state.inside.indices.last { state.inside[outer] += took }
      var line = state.lines[name] ?? Line(kind: name)
      line.calls += 1
      line.seconds += took - inside
      line.operations += work.operations
      line.bytes += work.bytes
      state.lines[name] = line
    }
    return result
  }
}

private func currentThread() -> UInt {
  #if canImport(Glibc)
    UInt(pthread_self())
  #else
    UInt(bitPattern: pthread_self())
  #endif
}

/// Runs an operation of the training thread; a profile that is on notes its time and work.
public func profiled<Result>(
  _ kind: @autoclosure () -> String, _ work: @autoclosure () -> Work, _ body: () -> Result
) -> Result {
  Profile.shared.measure(kind, work, body)
}

/// The machine's own rate of float32 matrix products, GFLOP/s: the better of OpenBLAS and of our products with packed
/// weights, both cut into blocks as training cuts them, on `threads` of the pool.
public func matrixProductRate(repeats: Int = 5, clock: () -> Double) -> Double {
  let sizes = RateSizes(repeats: repeats)
  let (rows, width) = (sizes.rows, sizes.width)
  let memory = UnsafeMutablePointer<Float>.allocate(capacity: 2 * rows * width + 2 * width * width)
  memory.initialize(repeating: 0.5, count: 2 * rows * width + 2 * width * width)
  defer { memory.deallocate() }
  let (a, c) = (memory, memory + rows * width)
  let (b, packed) = (memory + 2 * rows * width, memory + 2 * rows * width + width * width)
  let matrix = Matrix(b, stride: width, transposed: true)
  let library = sizes.rate(clock) {
    product(
      Matrix(a, stride: width), matrix, rows: rows, columns: width, depth: width, into: c, stride: width)
  }
  let own = sizes.rate(clock) {
    let weights = PackedMatrix(matrix, depth: width, columns: width, into: packed)
    sizes.forEachBlock { part in
      weights.product(
        a + part.lowerBound * width, stride: width, rows: part.count, into: c + part.lowerBound * width)
    }
  }
  return max(library, own)
}

/// The same of bfloat16 operands that are rounded already, with our products.
public func bfloat16ProductRate(repeats: Int = 5, clock: () -> Double) -> Double {
  let sizes = RateSizes(repeats: repeats)
  let (rows, width) = (sizes.rows, sizes.width)
  let memory = UnsafeMutablePointer<Float>.allocate(capacity: rows * width + width * width)
  memory.initialize(repeating: 0.5, count: rows * width + width * width)
  let half = UnsafeMutablePointer<UInt16>.allocate(capacity: rows * width + width * width)
  half.initialize(repeating: 0x3f00, count: rows * width + width * width)
  defer {
    memory.deallocate()
    half.deallocate()
  }
  let matrix = Matrix(memory + rows * width, stride: width, transposed: true)
  return sizes.rate(clock) {
    let weights = PackedBfloat16Matrix(
      matrix, depth: width, columns: width, into: half + rows * width)
    sizes.forEachBlock { part in
      weights.product(
        half + part.lowerBound * width, stride: width, rows: part.count,
        into: memory + part.lowerBound * width)
    }
  }
}

/// The product that rates are measured with.
private struct RateSizes {
  let rows = 3072
  let width = 768
  let repeats: Int

  func forEachBlock(_ body: (Range<Int>) -> Void) {
    let blocks = Blocks(rows, about: 96)
    ThreadPool.shared.forEach(blocks.count) { body(blocks[$0]) }
  }

  func rate(_ clock: () -> Double, _ body: () -> Void) -> Double {
    body()
    let seconds = (0..<repeats).map { _ in
      let start = clock()
      body()
      return clock() - start
    }
    let operations = 2 * Double(rows) * Double(width) * Double(width)
    return operations / seconds.sorted()[repeats / 2] / 1e9
  }
}
