import EmanateTensors
import Testing

@Suite(.serialized) struct BufferPoolTests {
  @Test func `memory of a freed tensor serves the next of that size`() {
    // A size that no other test asks for.
    var places: Set<UInt> = []
    for _ in 0..<20 {
      let tensor = Tensor(uninitialized: [1_234_567])
      places.insert(UInt(bitPattern: tensor.pointer))
    }
    #expect(places.count == 1)
  }

  @Test func `a size a little smaller is met from the same block`() {
    let large = { UInt(bitPattern: Tensor(uninitialized: [3_000_017]).pointer) }()
    let small = { UInt(bitPattern: Tensor(uninitialized: [2_990_000]).pointer) }()
    #expect(large == small)
  }

  @Test func `a block half as large again is lent, a larger one is not`() {
    BufferPool.shared.drain()
    let block = { UInt(bitPattern: Tensor(uninitialized: [3 << 20]).pointer) }()
    let before = BufferPool.shared.freshAllocations
    let lent = { UInt(bitPattern: Tensor(uninitialized: [2 << 20]).pointer) }()
    #expect(lent == block && BufferPool.shared.freshAllocations == before)
    _ = Tensor(uninitialized: [1 << 20])
    #expect(BufferPool.shared.freshAllocations == before + 1)
  }

  @Test func `blocks start on a cache line and hold what was asked for`() {
    BufferPool.shared.drain()  // of blocks that other tests left, which may be larger
    for count in [1, 15, 16, 17, 127, 128, 129, 1000, 100_003] {
      let storage = Storage(bytes: 4 * count)
      #expect(UInt(bitPattern: storage.base) % 64 == 0)
      #expect(storage.capacity >= 4 * count && storage.capacity < 4 * count * 5 / 4 + 128)
    }
  }

  @Test func `a block that lives is not given out again`() {
    let tensors = (0..<50).map { Tensor(repeating: Float($0), [777]) }
    for (index, tensor) in tensors.enumerated() { #expect(tensor.array.allSatisfy { $0 == Float(index) }) }
  }

  @Test func `bytes in use go up with a tensor and down without it`() {
    let bytes = 4 * 50_000_000
    let before = BufferPool.shared.bytesInUse
    let tensor = Tensor(uninitialized: [50_000_000])
    #expect(BufferPool.shared.bytesInUse >= before + bytes / 2)
    withExtendedLifetime(tensor) {}
  }
}
