import EmanateTensors

extension Tensor {
  /// Rows of a matrix in the order given, copied: [N, D] -> [rows.count, D].
  package func gathering(_ rows: [Int]) -> Tensor {
    precondition(shape.rank == 2, "Tensor.gathering: shape \(shape) is not a matrix")
    let width = shape[1]
    var gathered = Tensor(uninitialized: [rows.count, width])
    withElements { from in
      gathered.withMutableElements { to in
        for (place, row) in rows.enumerated() {
          precondition(row >= 0 && row < shape[0], "Tensor.gathering: row \(row) of \(shape[0])")
          let target = UnsafeMutableBufferPointer(rebasing: to[place * width..<(place + 1) * width])
          _ = target.update(fromContentsOf: from[row * width..<(row + 1) * width])
        }
      }
    }
    return gathered
  }

  /// Whether every element is a number and finite.
  package var isFinite: Bool { withElements { $0.allSatisfy(\.isFinite) } }
}
