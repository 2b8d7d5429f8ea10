import Synchronization

/// Keeps freed blocks of memory for the next tensor of about the same size.
///
/// A training step asks for the same sizes again and again; after the first steps every request is met from
/// the pool (`freshAllocations` stops growing). Sizes are rounded up to an eighth of a power of two; where
/// none of a size is free, a block up to half as large again is taken.
public final class BufferPool: Sendable {
  /// The pool that every tensor takes its memory from.
  public static let shared = BufferPool()

  private struct State {
    var free: [Int: [UInt]] = [:]
    var freshAllocations = 0
    var bytesInUse = 0 { didSet { peakBytesInUse = max(peakBytesInUse, bytesInUse) } }
    var peakBytesInUse = 0
    var bytesKept = 0
  }

  private let state = Mutex(State())

  private init() {}

  /// How often memory was taken from the system since the program began.
  public var freshAllocations: Int { state.withLock { $0.freshAllocations } }

  /// Bytes that live tensors hold now.
  public var bytesInUse: Int { state.withLock { $0.bytesInUse } }

  /// The most bytes that live tensors held at once since the program began.
  public var peakBytesInUse: Int { state.withLock { $0.peakBytesInUse } }

  /// Gives all kept blocks back to the system.
  public func drain() {
    let blocks = state.withLock { state in
      let all = state.free.values.flatMap { $0 }
      state.free = [:]
      state.bytesKept = 0
      return all
    }
    for block in blocks { UnsafeMutableRawPointer(bitPattern: block)!.deallocate() }
  }

  func take(bytes: Int) -> (UnsafeMutableRawPointer, Int) {
    let capacity = Self.rounded(max(bytes, 64))
    let kept: (UInt, Int)? = state.withLock { state in
      // Stochastic depth asks for other sizes each step: a block up to half as large again will do.
      var size = capacity
      while size <= capacity + capacity / 2 {
        if let block = state.free[size]?.popLast() {
          state.bytesKept -= size
          state.bytesInUse += size
          return (block, size)
        }
        size = Self.rounded(size + 1)
      }
      state.freshAllocations += 1
      state.bytesInUse += capacity
      return nil
    }
    if let (block, size) = kept { return (UnsafeMutableRawPointer(bitPattern: block)!, size) }
    return (.allocate(byteCount: capacity, alignment: 64), capacity)
  }

  func give(_ base: UnsafeMutableRawPointer, capacity: Int) {
    state.withLock { state in
      state.bytesInUse -= capacity
      state.bytesKept += capacity
      state.free[capacity, default: []].append(UInt(bitPattern: base))
    }
  }

  /// The next size of the form m * 2^e with m in 8...15, and a multiple of 64.
  private static func rounded(_ bytes: Int) -> Int {
    if bytes <= 512 { return (bytes + 63) / 64 * 64 }
    let unit = 1 << max(6, (Int.bitWidth - 1 - bytes.leadingZeroBitCount) - 3)
    return (bytes + unit - 1) / unit * unit
  }
}
