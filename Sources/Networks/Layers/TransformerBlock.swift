import EmanateAutograd
import EmanateTensors

/// A pre-norm transformer block (Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 2 and 3):
/// x ← x + attention(norm₁ x); x ← x + mlp(norm₂ x).
struct TransformerBlock: Sendable {
  let norm1, norm2: LayerNorm
  let qkv, projection, hidden, output: Linear
  /// LayerScale (Touvron et al. 2021, arXiv:2103.17239, section 2.1): a gain for each output of a branch, [D].
  let attentionScale, mlpScale: Parameter?
  let width, heads, index: Int
  let dropPath: Double

  init(
    _ scope: ParameterScope, width: Int, heads: Int, mlpWidth: Int, index: Int, dropPath: Double,
    layerScale: Double?
  ) {
    norm1 = LayerNorm(scope.scope("norm1"), width: width)
    let attention = scope.scope("attn")
    qkv = Linear(attention.scope("qkv"), from: width, to: 3 * width)
    projection = Linear(attention.scope("proj"), from: width, to: width)
    attentionScale = layerScale.map {
      scope.scope("ls1").parameter("gamma", [width], .constant(Float($0)))
    }
    norm2 = LayerNorm(scope.scope("norm2"), width: width)
    let mlp = scope.scope("mlp")
    hidden = Linear(mlp.scope("fc1"), from: width, to: mlpWidth)
    output = Linear(mlp.scope("fc2"), from: mlpWidth, to: width)
    mlpScale = layerScale.map { scope.scope("ls2").parameter("gamma", [width], .constant(Float($0))) }
    (self.width, self.heads, self.index, self.dropPath) = (width, heads, index, dropPath)
  }

  /// x: [B, T, D] -> [B, T, D]; `first` is the place of its first sample in the whole batch (keys of
  /// drop-path).
  func callAsFunction(_ x: Variable, first: Int, _ pass: Pass) -> Variable {
    let afterAttention = branch(0, of: x, first: first, pass) { kept in
      let rows = qkv(x, pass, after: norm1.prelude(pass), of: kept, keeping: pass.precision)
      pass.note(attentionOf: index, classTokenAttention(rows.value, heads: heads))
      return projection(
        attention(rows, heads: heads), pass, scaled: attentionScale, addedTo: x, of: kept)
    }
    return mlp(afterAttention, first: first, pass)
  }

  /// The block where only the class token of its result is read: [B, T, D] -> [B, D].
  ///
  /// Keys and values come from all tokens; query, projection and MLP are computed for one row a sample.
  /// Exact.
  func classToken(_ x: Variable, first: Int, _ pass: Pass) -> Variable {
    let (batch, tokens) = (x.shape[0], x.shape[1])
    let own = classTokens(x).reshaped([batch, 1, width])
    let (weight, bias) = (pass[qkv.weight], pass[qkv.bias])
    let prelude = norm1.prelude(pass)
    let afterAttention = branch(0, of: own, first: first, pass) { kept in
      let all = kept.map { KeptSamples($0, tokens: tokens) }
      let keysValues = linear(
        x, sliced(weight, rows: width..<3 * width), sliced(bias, rows: width..<3 * width), after: prelude,
        of: all, in: pass.precision)
      let queries = linear(
        own, sliced(weight, rows: 0..<width), sliced(bias, rows: 0..<width), after: prelude, of: kept,
        in: pass.precision)
      let count = keysValues.shape[0]
      let (attended, probabilities) = classAttention(
        queries.reshaped([count, width]), keysValues, heads: heads)
      pass.note(attentionOf: index, probabilities)
      return projection(
        attended.reshaped([count, 1, width]), pass, scaled: attentionScale, addedTo: own, of: kept)
    }
    return mlp(afterAttention, first: first, pass).reshaped([batch, width])
  }

  /// How much the class token attends to each token here, by itself: [B, T, D] -> [B, H, T].
  func classShares(_ x: Variable, _ pass: Pass) -> Variable {
    let (batch, tokens) = (x.shape[0], x.shape[1])
    let (weight, bias, prelude) = (pass[qkv.weight], pass[qkv.bias], norm1.prelude(pass))
    func rows(_ x: Variable, _ range: Range<Int>) -> Variable {
      linear(x, sliced(weight, rows: range), sliced(bias, rows: range), after: prelude, in: pass.precision)
    }
    let queries = rows(classTokens(x).reshaped([batch, 1, width]), 0..<width).reshaped([batch, width])
    let keys = rows(x, width..<2 * width).reshaped([batch, tokens, width])
    return EmanateAutograd.classShares(queries, keys, heads: heads)
  }

  private func mlp(_ x: Variable, first: Int, _ pass: Pass) -> Variable {
    branch(1, of: x, first: first, pass) { kept in
      output(
        hidden(x, pass, after: norm2.prelude(pass), of: kept, keeping: pass.precision), pass, after: .gelu,
        scaled: mlpScale, addedTo: x, of: kept)
    }
  }

  /// Runs a residual branch for the samples that stochastic depth keeps.
  private func branch(
    _ place: Int, of x: Variable, first: Int, _ pass: Pass, _ body: (KeptSamples?) -> Variable
  ) -> Variable {
    let draw = pass.keptSamples(
      x.shape[0], first: first, tokens: x.shape[1], branch: 2 * index + place, rate: dropPath)
    switch draw {
    case .all: return body(nil)
    case .none: return x
    case .some(let samples, let scale):
      return body(KeptSamples(samples: samples, tokens: x.shape[1], scale: scale))
    }
  }
}

extension TransformerBlock {
  /// The block as nodes, on the rows of all tokens: x [B·T, D] -> [B·T, D], or of the class token alone -> [B, D].
  func callAsFunction(
    _ x: NetworkGraph.Value, tokens: Int, onlyClassToken: Bool, _ graph: NetworkGraph
  ) -> NetworkGraph.Value {
    let depth = width / heads
    let rows = graph.reshaped(qkv(norm1(x, graph), graph), [tokens, 3, heads, depth])
    let all = graph.transposed(rows, [0, 2, 3, 1, 4])  // [B, 3, H, T, d]
    var (queries, own) = (graph.part(all, at: 0, ofAxis: 1), x)
    if onlyClassToken {
      queries = graph.reshaped(graph.part(queries, at: 0, ofAxis: 2), [heads, 1, depth])
      own = graph.part(graph.reshaped(x, [tokens, width]), at: 0, ofAxis: 1)
    }
    queries = graph.binary("Mul", queries, graph.scalar(1 / Float(depth).squareRoot()))
    let keys = graph.transposed(graph.part(all, at: 1, ofAxis: 1), [0, 1, 3, 2])
    let mixed = graph.product(
      graph.softmax(graph.product(queries, keys)), graph.part(all, at: 2, ofAxis: 1))
    let attended = graph.reshaped(graph.transposed(mixed, [0, 2, 1, 3]), [width])
    let y = graph.sum(own, projection(attended, graph, scaled: attentionScale))
    let inner = graph.gelu(hidden(norm2(y, graph), graph))
    return graph.sum(y, output(inner, graph, scaled: mlpScale))
  }
}
