import EmanateTensors
import Testing

@Suite struct ShapeTests {
  @Test func `a shape knows its axes from both ends, its count and its rows`() {
    let shape: Shape = [2, 3, 4]
    #expect(shape.rank == 3 && shape.count == 24 && shape.rows == 6)
    #expect(shape[0] == 2 && shape[-1] == 4 && shape[-3] == 2)
    #expect(shape.array == [2, 3, 4] && "\(shape)" == "[2, 3, 4]")
    #expect(shape.replacingLast(7) == [2, 3, 7])
  }

  @Test func `scalars and empty shapes have sensible counts`() {
    #expect(([] as Shape).count == 1 && ([] as Shape).rows == 1)
    #expect(([0, 4] as Shape).count == 0 && ([0, 4] as Shape).rows == 0)
    #expect(([4, 0] as Shape).rows == 0)
  }

  @Test func `equal sizes are equal shapes, and a trailing one is an axis`() {
    #expect(Shape([2, 3]) == [2, 3])
    #expect(Shape([2, 3]) != [2, 3, 1])
  }
}
