import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// The mean cosine of predictions with the targets of other views of the same image, of which BYOL's and
/// SimSiam's losses are linear functions.
struct ViewCosines {
  /// Where a norm is cut so that nothing is divided by zero.
  let epsilon: Float
  /// The loss is `offset` + `slope` · mean cosine.
  let offset, slope: Double

  /// predictions: [V·B, D], targets: [G·B, D], view by view -> [1]; the first G views of the predictions are
  /// the targets' views, and no view is compared with itself.
  ///
  /// The normalised targets a prediction is compared with are summed first: one product and one gradient a
  /// row. Value and gradient are found in one sweep, in the predictions' own memory if the caller gives them
  /// up.
  func callAsFunction(_ predictions: consuming Variable, targets: Tensor, views globals: Int, name: String)
    -> Variable
  {
    let (rows, width) = (predictions.shape[0], predictions.shape[1])
    precondition(
      globals > 0 && targets.shape[0] % globals == 0 && targets.shape[1] == width && targets.count > 0,
      "\(name): predictions \(predictions.shape), targets \(targets.shape), \(globals) views")
    let batch = targets.shape[0] / globals
    precondition(
      rows % batch == 0 && rows / batch >= max(globals, 2),
      "\(name): \(rows) predictions are not at least two whole views of \(batch)")
    let pairs = globals * (rows / batch) - globals
    let scale = Float(slope / Double(pairs * batch))

    let isTracked = predictions.isTracked
    var (x, source) = predictions.taken()
    let gradient =
      !isTracked
      ? Tensor(uninitialized: [1]) : x.isUniquelyReferenced() ? x : Tensor(uninitialized: x.shape)
    let directions = Tensor(uninitialized: targets.shape)
    let norms = Tensor(uninitialized: [targets.shape[0]])
    let cosines = UnsafeMutablePointer<Float>.allocate(capacity: rows)
    defer { cosines.deallocate() }
    profiled(name, Work(numbers: 2 * (x.count + targets.count))) {
      ThreadPool.shared.forEach(targets.shape[0]) { row in
        em_l2_normalize(
          targets.pointer + row * width, 1, width, epsilon, directions.pointer + row * width,
          norms.pointer + row)
      }
      ThreadPool.shared.forEach(rows) { row in
        let sum = Tensor(repeating: 0, [width])
        let (view, sample) = row.quotientAndRemainder(dividingBy: batch)
        for other in 0..<globals where other != view {
          em_add(sum.pointer, directions.pointer + (other * batch + sample) * width, 1, width)
        }
        cosines[row] = em_cosine(
          x.pointer + row * width, sum.pointer, epsilon, scale, width,
          isTracked ? gradient.pointer + row * width : nil)
        withExtendedLifetime(sum) {}
      }
    }
    withExtendedLifetime((targets, directions, norms)) {}
    let mean = (0..<rows).reduce(0.0) { $0 + Double(cosines[$1]) } / Double(pairs * batch)
    return record(
      Tensor([Float(offset + slope * mean)], [1]), [source], KnownGradientBackward(gradient: gradient))
  }
}
