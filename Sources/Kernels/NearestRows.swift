/// For each query the `k` rows with the greatest products, in falling order; of equal products the lower row
/// first.
///
/// queries: [queryCount, width], rows: [rowCount, width] -> places and products: [queryCount, k]. `k` is at
/// most `rowCount`. Works in blocks of 128 queries and 1,024 rows on the pool, so the matrix of all products
/// never exists and the result does not depend on the number of threads. Numbers must be finite.
package func nearestRows(
  queries: UnsafePointer<Float>, queryCount: Int, rows: UnsafePointer<Float>, rowCount: Int, width: Int,
  k: Int,
  places: UnsafeMutablePointer<Int32>, products: UnsafeMutablePointer<Float>
) {
  precondition(k >= 1 && k <= rowCount, "nearestRows: \(k) of \(rowCount) rows")
  places.update(repeating: -1, count: queryCount * k)
  products.update(repeating: -.infinity, count: queryCount * k)
  let queryBlocks = Blocks(queryCount, about: 128)
  let rowBlocks = Blocks(rowCount, about: 1024)
  ThreadPool.shared.forEach(queryBlocks.count) { index in
    let block = queryBlocks[index]
    let scores = UnsafeMutablePointer<Float>.allocate(capacity: block.count * rowBlocks.size)
    defer { scores.deallocate() }
    for number in 0..<rowBlocks.count {
      let part = rowBlocks[number]
      blockProduct(
        Matrix(queries + block.lowerBound * width, stride: width),
        Matrix(rows + part.lowerBound * width, stride: width, transposed: true), rows: block.count,
        columns: part.count, depth: width, into: scores, stride: part.count)
      for query in 0..<block.count {
        let best = products + (block.lowerBound + query) * k
        let bestPlaces = places + (block.lowerBound + query) * k
        let line = scores + query * part.count
        var worst = best[k - 1]
        // One compare a product; few pass once the list is full.
        for column in 0..<part.count where line[column] > worst {
          var slot = k - 1
          while slot > 0 && best[slot - 1] < line[column] {
            best[slot] = best[slot - 1]
            bestPlaces[slot] = bestPlaces[slot - 1]
            slot -= 1
          }
          best[slot] = line[column]
          bestPlaces[slot] = Int32(part.lowerBound + column)
          worst = best[k - 1]
        }
      }
    }
  }
}
