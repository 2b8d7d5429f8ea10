import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Passes a gradient back through `LinearStep`.
struct LinearBackward: BackwardRule {
  static let name = "linear"
  let step: LinearStep
  let residualMap: [Int32]?
  let scale: Float
  let hasResidual: Bool

  consuming func backward(_ dy: consuming Tensor, into inputs: inout InputGradients) {
    let last = inputs.nodes.count - 1
    if hasResidual && (residualMap != nil || scale != 1) {
      let branch = gathered(dy)
      passBack(branch, &inputs)
    } else {
      passBack(dy, &inputs)
    }
    if hasResidual { inputs.give(last, consume dy) }
  }

  func work(into inputs: InputGradients) -> Work {
    step.work(products: (inputs.wants(0) ? 1 : 0) + (inputs.wants(1) ? 1 : 0))
  }

  /// The gradient of the branch: the kept rows of dy, scaled.
  private func gathered(_ dy: borrowing Tensor) -> Tensor {
    let branch = Tensor(uninitialized: [step.rows, step.outputs])
    let (from, width, rows) = (dy.pointer, step.outputs, Blocks(step.rows, about: 64))
    ThreadPool.shared.forEach(rows.count) { index in
      let range = rows[index]
      withMap(residualMap) {
        em_gather(
          from, $0, range.lowerBound, range.count, width, scale, branch.pointer + range.lowerBound * width)
      }
    }
    return branch
  }

  private func passBack(_ dy: borrowing Tensor, _ inputs: inout InputGradients) {
    let sums = step.isCutByRows ? byRows(dy.pointer, &inputs) : byStages(dy.pointer, &inputs)
    let (outputs, width, parts) = (step.outputs, step.inputs, sums.parts)
    inputs.add(2, [outputs]) { db, beta in
      em_column_sums(sums.bias.pointer, parts, outputs, outputs, db, beta == 0 ? 0 : 1)
    }
    if case .layerNorm = step.kind {
      precondition(
        inputs.wants(0) || !inputs.wants(3), "linear: a layer normalisation of a constant is not trained")
      inputs.add(3, [width]) { sum, beta in
        em_column_sums(sums.norm.pointer, parts, width, 2 * width, sum, beta == 0 ? 0 : 1)
      }
      inputs.add(4, [width]) { sum, beta in
        em_column_sums(sums.norm.pointer + width, parts, width, 2 * width, sum, beta == 0 ? 0 : 1)
      }
    }
  }

  /// The small gradients in parts that are added in order: biases [parts, O], layer normalisation [parts, 2, I].
  private struct Sums {
    let parts: Int
    let bias, norm: Tensor

    init(parts: Int, _ step: LinearStep) {
      self.parts = parts
      bias = Tensor(uninitialized: [parts, step.outputs])
      norm = Tensor(uninitialized: [parts, 2, step.inputs])
    }
  }

  /// Many rows: a block's input gradient, its prelude once more and its share of the weight's gradient while
  /// all of them are in cache. A group of blocks sums its shares, and the groups are added in order.
  private func byRows(_ upstream: UnsafeMutablePointer<Float>, _ inputs: inout InputGradients) -> Sums {
    let step = self.step
    let (width, outputs) = (step.inputs, step.outputs)
    let groups = Blocks(step.rows, about: max(96, min(step.rows / 8, 400)))
    let sums = Sums(parts: groups.count, step)
    let wantsInput = inputs.wants(0)
    let multiply =
      wantsInput
      ? BlockMultiplication(
        Matrix(step.weight.pointer, stride: width), depth: outputs, columns: width,
        in: step.isRounded ? .bfloat16 : .float32) : nil
    let shares = inputs.wants(1) ? Tensor(uninitialized: [groups.count, outputs, width]) : nil

    // A group's last block is handed out on its own after all groups' others, so that threads finish together.
    func pass(_ index: Int, _ link: Int, into dx: UnsafeMutablePointer<Float>?, beta: Float) {
      let group = groups[index]
      let blocks = Blocks(group.count, about: 96)
      let last = max(1, blocks.count - 1)
      let da = Tensor(uninitialized: [blocks.size, width])
      let activated = step.needsPrelude ? Tensor(uninitialized: [blocks.size, width]) : nil
      let scratch = weightGradientScratch()
      let (rounded, roundedInput) = (
        step.rounding(rows: blocks.size, outputs), step.rounding(rows: blocks.size, width)
      )
      for block in link == 0 ? 0..<last : last..<blocks.count {
        let range = blocks[block].shifted(by: group.lowerBound)
        let dy = upstream + range.lowerBound * outputs
        em_column_sums(
          dy, range.count, outputs, outputs, sums.bias.pointer + index * outputs, block == 0 ? 0 : 1)
        let gradient = Operand(dy, count: range.count * outputs, rounded: rounded)
        if let dx, let multiply {
          if step.needsPrelude {
            multiply(gradient, rows: range.count, into: da.pointer)
            step.preludeBackward(
              range, da.pointer, into: dx, beta: beta, again: activated!.pointer,
              sums: sums.norm.pointer + index * 2 * width, isFirst: block == 0)
          } else {
            multiply(gradient, rows: range.count, into: dx + range.lowerBound * width, beta: beta)
          }
        } else if let activated {
          step.prelude(range, statistics: step.statistics, isAgain: true, into: activated.pointer)
        }
        if let shares {
          weightGradient(
            gradient, step.operand(range, activated?.pointer, rounded: roundedInput), rows: range.count,
            outputs: outputs, inputs: width, into: shares.pointer + index * outputs * width,
            beta: block == 0 ? 0 : 1, scratch: scratch)
        }
      }
      withExtendedLifetime((da, activated, scratch, rounded, roundedInput)) {}
    }

    if wantsInput {
      inputs.add(0, step.x.shape) { dx, beta in
        // With kept samples, rows that nobody writes must be zero.
        if beta == 0 && step.map != nil { dx.update(repeating: 0, count: step.x.count) }
        ThreadPool.shared.forEach(groups.count, links: 2) { pass($0, $1, into: dx, beta: beta) }
      }
    } else {
      ThreadPool.shared.forEach(groups.count, links: 2) { pass($0, $1, into: nil, beta: 0) }
    }
    inputs.add(1, step.weight.shape) { dw, beta in
      let (count, columns) = (outputs * width, Blocks(outputs * width, about: 1 << 13))
      ThreadPool.shared.forEach(columns.count) { index in
        let part = columns[index]
        em_column_sums(
          shares!.pointer + part.lowerBound, groups.count, part.count, count, dw + part.lowerBound,
          beta == 0 ? 0 : 1)
      }
    }
    withExtendedLifetime(shares) {}
    return sums
  }

  /// Few rows, such as a head's: one stage after the other, each cut its own way.
  private func byStages(_ upstream: UnsafeMutablePointer<Float>, _ inputs: inout InputGradients) -> Sums {
    let step = self.step
    let (rows, width, outputs) = (step.rows, step.inputs, step.outputs)
    let blocks = Blocks(rows, about: 32)
    let sums = Sums(parts: blocks.count, step)
    let activated = step.needsPrelude ? Tensor(uninitialized: [rows, width]) : nil
    let back = { (da: UnsafeMutablePointer<Float>, beta: Float) in
      product(
        Matrix(upstream, stride: outputs), Matrix(step.weight.pointer, stride: width), rows: rows,
        columns: width, depth: outputs, into: da, stride: width, beta: beta)
    }

    ThreadPool.shared.forEach(blocks.count) { index in
      let range = blocks[index]
      em_column_sums(
        upstream + range.lowerBound * outputs, range.count, outputs, outputs,
        sums.bias.pointer + index * outputs, 0)
    }
    if let activated {
      if inputs.wants(0) {
        let da = Tensor(uninitialized: [rows, width])
        back(da.pointer, 0)
        inputs.add(0, step.x.shape) { dx, beta in
          if beta == 0 && step.map != nil { dx.update(repeating: 0, count: step.x.count) }
          ThreadPool.shared.forEach(blocks.count) { index in
            let range = blocks[index]
            step.preludeBackward(
              range, da.pointer + range.lowerBound * width, into: dx, beta: beta,
              again: activated.pointer + range.lowerBound * width,
              sums: sums.norm.pointer + index * 2 * width, isFirst: true)
          }
        }
        withExtendedLifetime(da) {}
      } else {
        ThreadPool.shared.forEach(blocks.count) { index in
          step.prelude(
            blocks[index], statistics: step.statistics, isAgain: true,
            into: activated.pointer + blocks[index].lowerBound * width)
        }
      }
    } else {
      inputs.add(0, step.x.shape) { dx, beta in back(dx, beta) }
    }
    inputs.add(1, step.weight.shape) { dw, beta in
      product(
        Matrix(upstream, stride: outputs, transposed: true),
        Matrix(activated?.pointer ?? step.x.pointer, stride: width), rows: outputs, columns: width,
        depth: rows, into: dw, stride: width, beta: beta)
    }
    withExtendedLifetime(activated) {}
    return sums
  }
}

extension LinearStep {
  /// The gradient by x from the one by f(x) of some rows, da [range.count, I], which is overwritten. Leaves f(x)
  /// once more in `a` [range.count, I]; dx = beta dx + gradient; adds to (or starts) the layer normalisation's
  /// sums [2, I].
  func preludeBackward(
    _ range: Range<Int>, _ da: UnsafeMutablePointer<Float>, into dx: UnsafeMutablePointer<Float>, beta: Float,
    again a: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>, isFirst: Bool
  ) {
    switch kind {
    case .none:
      preconditionFailure("linear: there is no prelude to pass back through")
    case .gelu:
      let (first, count) = (range.lowerBound * inputs, range.count * inputs)
      em_gelu_backward(wide(range, a), da, count, beta == 0 ? dx + first : da, a)
      if beta != 0 { em_add(dx + first, da, 1, count) }
    case .layerNorm(let gamma, _, _):
      prelude(range, statistics: statistics, isAgain: true, into: a)
      withMap(map) { map in
        em_layer_norm_backward(
          da, x.pointer, map, range.lowerBound, range.count, inputs, gamma.pointer, statistics!.pointer,
          statistics!.pointer + rows, dx, beta == 0 ? 0 : 1, sums, sums + inputs, isFirst ? 0 : 1)
      }
    }
  }
}
