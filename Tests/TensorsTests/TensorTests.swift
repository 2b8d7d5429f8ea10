import EmanateTensors
import Testing

@Suite struct TensorTests {
  @Test func `a copy is a value: writing to one leaves the other alone`() {
    let a = Tensor([1, 2, 3, 4], [2, 2])
    var b = a
    b.withMutableElements { $0[0] = 9 }
    #expect(a.array == [1, 2, 3, 4])
    #expect(b.array == [9, 2, 3, 4])
  }

  @Test func `a tensor nobody shares is written in place`() {
    var a = Tensor([1, 2, 3], [3])
    let before = a.pointer
    a.withMutableElements { $0[1] = 5 }
    #expect(a.pointer == before)
    #expect(a.array == [1, 5, 3])
  }

  @Test func `rows share memory until one side is written`() {
    var a = Tensor((0..<12).map(Float.init), [4, 3])
    let rows = a[rows: 1..<3]
    #expect(rows.shape == [2, 3])
    #expect(rows.array == [3, 4, 5, 6, 7, 8])
    #expect(rows.pointer == a.pointer + 3)
    a.withMutableElements { $0[3] = 100 }
    #expect(rows.array == [3, 4, 5, 6, 7, 8])
    #expect(a.array[3] == 100)
  }

  @Test func `a written slice leaves the whole alone`() {
    let a = Tensor((0..<6).map(Float.init), [3, 2])
    var rows = a[rows: 1..<2]
    rows.withMutableElements { $0[0] = -1 }
    #expect(rows.array == [-1, 3])
    #expect(a.array == [0, 1, 2, 3, 4, 5])
  }

  @Test func `slices of slices, empty slices and reshaped slices stand where they should`() {
    let a = Tensor((0..<24).map(Float.init), [4, 3, 2])
    #expect(a[rows: 1..<4][rows: 1..<2].array == [12, 13, 14, 15, 16, 17])
    #expect(a[rows: 2..<2].array.isEmpty)
    #expect(a[rows: 3..<4].reshaped([6]).array == [18, 19, 20, 21, 22, 23])
  }

  @Test func `a scalar tensor gives its number`() {
    #expect(Tensor([2.5], [1]).scalar == 2.5)
    #expect(Tensor(repeating: 3, []).scalar == 3)
  }
}
