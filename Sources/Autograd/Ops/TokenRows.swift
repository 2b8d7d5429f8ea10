import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Some rows in the order named: x [..., D] as rows of D -> [rows.count, D].
public func gatheredRows(_ x: Variable, _ rows: [Int]) -> Variable {
  let (count, width) = (x.shape.rows, x.shape[-1])
  precondition(rows.allSatisfy { (0..<count).contains($0) }, "gatheredRows: rows beyond \(x.shape)")
  let y = Tensor(uninitialized: [rows.count, width])
  let input = x.value
  for (place, row) in rows.enumerated() {
    (y.pointer + place * width).update(from: input.pointer + row * width, count: width)
  }
  withExtendedLifetime(input) {}
  return record(y, [x], GatheredRowsBackward(shape: x.shape, rows: rows))
}

struct GatheredRowsBackward: BackwardRule {
  static let name = "gatheredRows"
  let shape: Shape
  let rows: [Int]

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (rows, width, count) = (rows, shape[-1], shape.count)
    inputs.add(0, shape) { dx, beta in
      if beta == 0 { dx.update(repeating: 0, count: count) }
      for (place, row) in rows.enumerated() { em_add(dx + row * width, dy.pointer + place * width, 1, width) }
    }
    withExtendedLifetime(dy) {}
  }
}

/// x with the rows named replaced by one token: x [..., D] as rows of D, token of D numbers -> [..., D]. A row is named
/// once.
public func replacedRows(_ x: Variable, _ rows: [Int], by token: Variable) -> Variable {
  let (count, width) = (x.shape.rows, x.shape[-1])
  precondition(
    token.shape.count == width && rows.allSatisfy { (0..<count).contains($0) }
      && Set(rows).count == rows.count,
    "replacedRows: rows of \(x.shape) by a token of \(token.shape)")
  let y = x.value.copied()
  let value = token.value
  for row in rows { (y.pointer + row * width).update(from: value.pointer, count: width) }
  withExtendedLifetime(value) {}
  return record(y, [x, token], ReplacedRowsBackward(shape: x.shape, tokenShape: token.shape, rows: rows))
}

struct ReplacedRowsBackward: BackwardRule {
  static let name = "replacedRows"
  let shape, tokenShape: Shape
  let rows: [Int]

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (rows, width) = (rows, shape[-1])
    inputs.add(1, tokenShape) { sum, beta in
      if beta == 0 { sum.update(repeating: 0, count: width) }
      for row in rows { em_add(sum, dy.pointer + row * width, 1, width) }
    }
    if inputs.wants(0) {
      for row in rows { (dy.pointer + row * width).update(repeating: 0, count: width) }
      inputs.give(0, dy)
    }
  }
}

/// Register tokens behind the class token (Darcet et al. 2024, arXiv:2309.16588): x [B, 1 + P, D], registers [1, R, D] ->
/// [B, 1 + R + P, D].
public func withRegisters(_ x: Variable, _ registers: Variable) -> Variable {
  let (batch, tokens, width, count) = (x.shape[0], x.shape[1], x.shape[2], registers.shape[1])
  precondition(registers.shape == [1, count, width], "withRegisters: \(registers.shape) into \(x.shape)")
  let y = Tensor(uninitialized: [batch, tokens + count, width])
  let (input, inserted) = (x.value, registers.value)
  ThreadPool.shared.forEach(batch) { sample in
    let (from, to) = (input.pointer + sample * tokens * width, y.pointer + sample * (tokens + count) * width)
    to.update(from: from, count: width)
    (to + width).update(from: inserted.pointer, count: count * width)
    (to + (1 + count) * width).update(from: from + width, count: (tokens - 1) * width)
  }
  return record(
    y, [x, registers], WithRegistersBackward(batch: batch, tokens: tokens, count: count, width: width))
}

struct WithRegistersBackward: BackwardRule {
  static let name = "withRegisters"
  let batch, tokens, count, width: Int

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (batch, tokens, count, width) = (batch, tokens, count, width)
    let row = (tokens + count) * width
    let upstream = dy.pointer
    inputs.add(0, [batch, tokens, width]) { dx, beta in
      ThreadPool.shared.forEach(batch) { sample in
        let (to, from) = (dx + sample * tokens * width, upstream + sample * row)
        if beta == 0 {
          to.update(from: from, count: width)
          (to + width).update(from: from + (1 + count) * width, count: (tokens - 1) * width)
        } else {
          em_add(to, from, 1, width)
          em_add(to + width, from + (1 + count) * width, 1, (tokens - 1) * width)
        }
      }
    }
    inputs.add(1, [1, count, width]) { sum, beta in
      em_column_sums(upstream + width, batch, count * width, row, sum, beta == 0 ? 0 : 1)
    }
    withExtendedLifetime(dy) {}
  }
}

/// Each row times its factor: x [O, ...], factors of O numbers -> [O, ...]. A linear layer whose weight and bias go
/// through it is one with LayerScale behind it.
public func scaledRows(_ x: Variable, by factors: Variable) -> Variable {
  let (rows, width) = (x.shape[0], x.shape.count / max(1, x.shape[0]))
  precondition(factors.shape.count == rows, "scaledRows: \(x.shape) by \(factors.shape)")
  let y = x.value.copied()
  let scale = factors.value
  for row in 0..<rows { em_scale(y.pointer + row * width, scale.pointer[row], width) }
  return record(y, [x, factors], ScaledRowsBackward(x: x.value, factors: scale, factorShape: factors.shape))
}

struct ScaledRowsBackward: BackwardRule {
  static let name = "scaledRows"
  let x, factors: Tensor
  let factorShape: Shape

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let (x, factors) = (x, factors)
    let (rows, width) = (x.shape[0], x.count / max(1, x.shape[0]))
    inputs.add(1, factorShape) { sums, beta in
      for row in 0..<rows {
        var sum = 0.0
        for place in row * width..<(row + 1) * width {
          sum += Double(dy.pointer[place]) * Double(x.pointer[place])
        }
        sums[row] = (beta == 0 ? 0 : sums[row]) + Float(sum)
      }
    }
    if inputs.wants(0) {
      for row in 0..<rows { em_scale(dy.pointer + row * width, factors.pointer[row], width) }
      inputs.give(0, dy)
    }
    withExtendedLifetime((x, factors)) {}
  }
}
