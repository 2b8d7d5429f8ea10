import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// A square matrix of numbers between the rows of a batch, [N, N] in double precision.
///
/// Inner products of float32 rows in double precision tell distances and angles of nearly equal rows well,
/// and make equal rows 0 apart to the last bit.
struct Relations {
  let numbers: UnsafeMutablePointer<Double>
  let count: Int

  subscript(row: Int, column: Int) -> Double {
    get { numbers[row * count + column] }
    nonmutating set { numbers[row * count + column] = newValue }
  }

  /// The numbers of one row.
  func row(_ index: Int) -> UnsafeMutablePointer<Double> { numbers + index * count }

  /// Sets all numbers to 0.
  func clear() { numbers.update(repeating: 0, count: count * count) }

  /// Each row's inner products with all rows: x [N, D]; both halves are the same to the last bit.
  func setProducts(_ x: Tensor) {
    let width = x.shape[1]
    let wide = UnsafeMutablePointer<Double>.allocate(capacity: x.count)
    defer { wide.deallocate() }
    for i in 0..<x.count { wide[i] = Double(x.pointer[i]) }
    ThreadPool.shared.forEach(count) { i in
      for j in 0...i {
        self[i, j] = em_weighted_sum(x.pointer + i * width, wide + j * width, width)
        self[j, i] = self[i, j]
      }
    }
    withExtendedLifetime(x) {}
  }

  /// Turns inner products into distances; `self` may be what it is made of.
  func setDistances(_ products: Relations) {
    let squares = (0..<count).map { products[$0, $0] }
    for i in 0..<count {
      for j in 0..<count {
        self[i, j] = max(squares[i] + squares[j] - 2 * products[i, j], 0).squareRoot()
      }
    }
  }

  /// Turns inner products into cosines, 0 with a row of length 0; returns 1 over each row's length, or 0.
  func setCosines(_ products: Relations) -> [Double] {
    let inverses = (0..<count).map { products[$0, $0] > 0 ? 1 / products[$0, $0].squareRoot() : 0 }
    for i in 0..<count {
      for j in 0..<count { self[i, j] = products[i, j] * inverses[i] * inverses[j] }
    }
    return inverses
  }

  /// Turns slopes by the cosines into slopes by the inner products, in place.
  func passCosines(_ cosines: Relations, inverses: [Double]) {
    // By the length of row i: all cosines with it, in either place.
    let byLength = (0..<count).map { i in
      (0..<count).reduce(0.0) { $0 + (self[i, $1] + self[$1, i]) * cosines[i, $1] }
    }
    for i in 0..<count {
      for j in 0..<count { self[i, j] *= inverses[i] * inverses[j] }
      self[i, i] -= 0.5 * byLength[i] * inverses[i] * inverses[i]
    }
  }
}

/// A loss of features [N, D] by their inner products with each other, [1].
///
/// `body` is given the inner products of student and teacher, which it may write over, and zeros for the
/// loss's slopes by each of the student's inner products; it returns the loss.
func relationLoss(
  _ student: Variable, _ teacher: Tensor, name: String,
  _ body: (_ student: Relations, _ teacher: Relations, _ slopes: Relations) -> Double
) -> Variable {
  let (x, rows) = (student.value, student.shape[0])
  precondition(
    student.shape.rank == 2 && teacher.shape.rank == 2 && teacher.shape[0] == rows && rows > 0,
    "\(name): student \(student.shape), teacher \(teacher.shape); [N, D] of both is needed")
  let width = x.shape[1]
  let gradient = Tensor(uninitialized: x.shape)
  let numbers = UnsafeMutablePointer<Double>.allocate(capacity: 3 * rows * rows)
  defer { numbers.deallocate() }
  let work = Work(products: 1, rows, 2 * width + teacher.shape[1], rows, numbers: 2 * x.count + teacher.count)
  let loss = profiled(name, work) {
    let (s, t, slopes) = (
      Relations(numbers: numbers, count: rows), Relations(numbers: numbers + rows * rows, count: rows),
      Relations(numbers: numbers + 2 * rows * rows, count: rows)
    )
    s.setProducts(x)
    t.setProducts(teacher)
    slopes.clear()
    let loss = body(s, t, slopes)
    guard student.isTracked else { return loss }
    // Row i stands in the products (i, j) and (j, i).
    ThreadPool.shared.forEach(rows) { i in
      let factors = UnsafeMutablePointer<Double>.allocate(capacity: rows + width)
      defer { factors.deallocate() }
      for j in 0..<rows { factors[j] = slopes[i, j] + slopes[j, i] }
      em_weighted_column_sums(x.pointer, rows, width, width, factors, factors + rows)
      for j in 0..<width { gradient.pointer[i * width + j] = Float(factors[rows + j]) }
    }
    return loss
  }
  withExtendedLifetime((x, teacher)) {}
  return record(Tensor([Float(loss)], [1]), [student], KnownGradientBackward(gradient: gradient))
}

/// Smooth L1 with its corner at 1 (Huber 1964), and its slope.
func smoothL1(_ d: Double) -> (value: Double, slope: Double) {
  let slope = max(min(d, 1), -1)
  return (slope * (d - 0.5 * slope), slope)
}
