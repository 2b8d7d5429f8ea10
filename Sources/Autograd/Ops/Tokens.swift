import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// The token sequence of a ViT: the class token before the patches, position embeddings added to both.
///
/// patches: [B, P, D], classToken: [1, 1, D], positions: [1, 1 + P, D] -> [B, 1 + P, D].
public func assembleTokens(_ patches: Variable, classToken: Variable, positions: Variable) -> Variable {
  let (batch, count, width) = (patches.shape[0], patches.shape[1], patches.shape[2])
  precondition(
    classToken.shape.count == width && positions.shape.count == (count + 1) * width,
    "assembleTokens: patches \(patches.shape), class token \(classToken.shape), positions \(positions.shape)")
  let y = Tensor(uninitialized: [batch, count + 1, width])
  let (x, first, table) = (patches.value, classToken.value, positions.value)
  profiled(AssembleTokensBackward.name, Work(numbers: x.count + table.count + y.count)) {
    ThreadPool.shared.forEach(batch) { sample in
      let to = y.pointer + sample * (count + 1) * width
      to.update(from: table.pointer, count: (count + 1) * width)
      em_add(to, first.pointer, 1, width)
      em_add(to + width, x.pointer + sample * count * width, 1, count * width)
    }
  }
  return record(
    y, [patches, classToken, positions], AssembleTokensBackward(batch: batch, count: count, width: width))
}

struct AssembleTokensBackward: BackwardRule {
  static let name = "assembleTokens"
  let batch, count, width: Int

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (batch, count, width) = (batch, count, width)
    let row = (count + 1) * width
    let upstream = dy.pointer
    inputs.add(0, [batch, count, width]) { dx, beta in
      ThreadPool.shared.forEach(batch) { sample in
        let (to, from) = (dx + sample * count * width, upstream + sample * row + width)
        if beta == 0 {
          to.update(from: from, count: count * width)
        } else {
          em_add(to, from, 1, count * width)
        }
      }
    }
    inputs.add(1, [1, 1, width]) { dx, beta in
      em_column_sums(upstream, batch, width, row, dx, beta == 0 ? 0 : 1)
    }
    inputs.add(2, [1, count + 1, width]) { dx, beta in
      let blocks = Blocks(row, about: 4096)
      ThreadPool.shared.forEach(blocks.count) { index in
        let part = blocks[index]
        em_column_sums(
          upstream + part.lowerBound, batch, part.count, row, dx + part.lowerBound, beta == 0 ? 0 : 1)
      }
    }
    withExtendedLifetime(dy) {}
  }
}

/// Row 0 of each sample: [B, T, D] -> [B, D].
public func classTokens(_ x: Variable) -> Variable {
  let (batch, tokens, width) = (x.shape[0], x.shape[1], x.shape[2])
  let y = Tensor(uninitialized: [batch, width])
  for sample in 0..<batch {
    (y.pointer + sample * width).update(from: x.value.pointer + sample * tokens * width, count: width)
  }
  return record(y, [x], ClassTokensBackward(batch: batch, tokens: tokens, width: width))
}

struct ClassTokensBackward: BackwardRule {
  static let name = "classTokens"
  let batch, tokens, width: Int

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (batch, tokens, width) = (batch, tokens, width)
    inputs.add(0, [batch, tokens, width]) { dx, beta in
      ThreadPool.shared.forEach(batch) { sample in
        let to = dx + sample * tokens * width
        if beta == 0 { to.update(repeating: 0, count: tokens * width) }
        em_add(to, dy.pointer + sample * width, 1, width)
      }
    }
  }
}

/// Rows one below the other: [N₁, ...], [N₂, ...] -> [N₁ + N₂ + ..., ...].
public func concatenated(_ parts: [Variable]) -> Variable {
  precondition(!parts.isEmpty, "concatenated: no parts")
  if parts.count == 1 { return parts[0] }
  var sizes = parts[0].shape.array
  sizes[0] = parts.reduce(0) { $0 + $1.shape[0] }
  let y = Tensor(uninitialized: Shape(sizes))
  var at = 0
  for part in parts {
    precondition(
      part.shape.array.dropFirst() == sizes.dropFirst(), "concatenated: \(part.shape) below \(Shape(sizes))")
    (y.pointer + at).update(from: part.value.pointer, count: part.value.count)
    at += part.value.count
  }
  return record(y, parts, ConcatenatedBackward(shapes: parts.map { $0.shape }))
}

struct ConcatenatedBackward: BackwardRule {
  static let name = "concatenated"
  let shapes: [Shape]

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    var at = 0
    for (index, shape) in shapes.enumerated() {
      inputs.add(index, shape) { dx, beta in
        if beta == 0 {
          dx.update(from: dy.pointer + at, count: shape.count)
        } else {
          em_add(dx, dy.pointer + at, 1, shape.count)
        }
      }
      at += shape.count
    }
  }
}

/// y = M x for a constant matrix, the class token's row passing unchanged: how position embeddings change
/// sides.
///
/// x: [1, 1 + P, D], matrix: [Q, P] -> [1, 1 + Q, D].
public func interpolatedPositions(_ x: Variable, by matrix: Tensor) -> Variable {
  let (from, to, width) = (matrix.shape[1], matrix.shape[0], x.shape[2])
  precondition(x.shape[1] == from + 1, "interpolatedPositions: table \(x.shape), matrix \(matrix.shape)")
  let y = Tensor(uninitialized: [1, to + 1, width])
  y.pointer.update(from: x.value.pointer, count: width)
  product(
    Matrix(matrix.pointer, stride: from), Matrix(x.value.pointer + width, stride: width), rows: to,
    columns: width,
    depth: from, into: y.pointer + width, stride: width)
  return record(y, [x], InterpolatedPositionsBackward(matrix: matrix, width: width))
}

struct InterpolatedPositionsBackward: BackwardRule {
  static let name = "interpolatedPositions"
  let matrix: Tensor
  let width: Int

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (from, to, width, matrix) = (matrix.shape[1], matrix.shape[0], width, matrix)
    inputs.add(0, [1, from + 1, width]) { dx, beta in
      if beta == 0 { dx.update(from: dy.pointer, count: width) } else { em_add(dx, dy.pointer, 1, width) }
      product(
        Matrix(matrix.pointer, stride: from, transposed: true), Matrix(dy.pointer + width, stride: width),
        rows: from,
        columns: width, depth: to, into: dx + width, stride: width, beta: beta)
    }
  }
}
