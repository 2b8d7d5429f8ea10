/// A block of memory that tensors share; comes from the pool and goes back to it.
///
/// `@unchecked Sendable`: the bytes are written only through a uniquely referenced `Tensor` or by pool blocks
/// that write disjoint parts, and read otherwise.
public final class Storage: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  /// Capacity in bytes; at least what was asked for.
  package let capacity: Int

  package init(bytes: Int) {
    (base, capacity) = BufferPool.shared.take(bytes: bytes)
  }

  deinit { BufferPool.shared.give(base, capacity: capacity) }
}
