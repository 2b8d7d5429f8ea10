import EmanateData
import Foundation
import Testing

@Suite struct RowFileTests {
  private func row(_ number: Int, width: Int = 5) -> ArraySlice<Float> {
    (0..<width).map { Float(number) + 0.25 * Float($0) }[...]
  }

  @Test func `rows are found again by their keys, bit for bit, and only those of the file's width`() throws {
    let temporary = try TemporaryFolder()
    let path = temporary.path("rows")
    do {
      let file = try RowFile(path, width: 5)
      #expect(file.isWritable && file.rowsFound == 0 && file.row(1) == nil)
      for number in 0..<20 { file.keep(row(number), as: UInt64(number)) }
      file.keep([.infinity, -.zero, .leastNonzeroMagnitude, 0.1, -1], as: 99)
      #expect(file.row(7) == Array(row(7)))
    }
    let file = try RowFile(path, width: 5)
    #expect(file.rowsFound == 21 && (0..<20).allSatisfy { file.row(UInt64($0)) == Array(row($0)) })
    #expect(
      file.row(99)?.map(\.bitPattern)
        == [Float.infinity, -.zero, .leastNonzeroMagnitude, 0.1, -1].map(\.bitPattern))
    let second = try RowFile(path, width: 5)
    second.keep(row(3), as: 1000)
    #expect(!second.isWritable && second.row(1000) == nil && second.row(3) == Array(row(3)))
    let wider = try RowFile(path, width: 6)
    #expect(wider.row(3) == nil)
  }

  @Test func `a row that was cut short or changed is missing, the others stay, and it can be added again`()
    throws
  {
    let temporary = try TemporaryFolder()
    let path = temporary.path("rows")
    do {
      let file = try RowFile(path, width: 5)
      for number in 0..<10 { file.keep(row(number), as: UInt64(number)) }
    }
    let whole = try Data(contentsOf: URL(filePath: path))
    let size = whole.count / 10
    for length in [1, size / 2, size, 3 * size + 50, whole.count - 1] {
      try whole.prefix(length).write(to: URL(filePath: path))
      let file = try RowFile(path, width: 5)
      #expect(file.rowsFound == length / size)
      for number in 0..<10 {
        #expect(file.row(UInt64(number)) == (number < length / size ? Array(row(number)) : nil))
        file.keep(row(number), as: UInt64(number))
        #expect(file.row(UInt64(number)) == Array(row(number)))
      }
    }
    // The last number of every second row.
    var changed = whole
    for number in stride(from: 0, to: 10, by: 2) { changed[(number + 1) * size - 1] ^= 64 }
    try changed.write(to: URL(filePath: path))
    let file = try RowFile(path, width: 5)
    for number in 0..<10 {
      #expect(file.row(UInt64(number)) == (number % 2 == 0 ? nil : Array(row(number))))
    }
    try temporary.write(Array("dear diary, this is no cache".utf8), to: "diary")
    let error = #expect(throws: CacheFileError.self) { try RowFile(temporary.path("diary"), width: 5) }
    #expect(error?.description.contains("cannot hold rows of numbers: it holds something else") == true)
  }
}
