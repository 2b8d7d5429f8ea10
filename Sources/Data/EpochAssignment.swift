/// Which samples the batches of one epoch hold, once unreadable files have been replaced.
///
/// Batch b holds places b x B ..< (b + 1) x B of the epoch's order. A sample that cannot be decoded gives its
/// slot to the next of the order that no batch holds: the remainder that fills no batch, front to back. When
/// that is used up, the walk goes on from the order's beginning, past members of the same batch, so that the
/// epoch keeps its length and a batch holds no image twice (unless there are too few readable images for
/// that). Slots are served in order. The outcome follows from the order and the unreadable samples alone,
/// whenever each of them was found.
struct EpochAssignment {
  let epoch: Int
  private let order: [Int]
  private let batchSize: Int
  /// The place in `order` from which the next replacement is sought.
  private var cursor: Int

  init(epoch: Int, order: [Int], batchSize: Int) {
    self.epoch = epoch
    self.order = order
    self.batchSize = batchSize
    cursor = order.count / batchSize * batchSize
  }

  /// The samples of batch `number` as the order has them.
  func planned(_ number: Int) -> [Int] { Array(order[number * batchSize..<(number + 1) * batchSize]) }

  /// The samples of batch `number` without the unreadable ones; nil if nothing readable is left.
  ///
  /// To be called for batch 0, 1, ... in turn: each call uses replacements up.
  mutating func members(_ number: Int, unreadable: Set<Int>) -> [Int]? {
    var members = planned(number)
    if unreadable.isEmpty { return members }
    var held = Set(members)
    for slot in members.indices where unreadable.contains(members[slot]) {
      guard
        let spare = takeSpare({ held.contains($0) || unreadable.contains($0) })
          ?? takeSpare({ unreadable.contains($0) })
      else { return nil }
      held.insert(spare)
      members[slot] = spare
    }
    return members
  }

  private mutating func takeSpare(_ isExcluded: (Int) -> Bool) -> Int? {
    for step in 0..<order.count {
      let place = (cursor + step) % order.count
      if isExcluded(order[place]) { continue }
      cursor = place + 1
      return order[place]
    }
    return nil
  }
}
