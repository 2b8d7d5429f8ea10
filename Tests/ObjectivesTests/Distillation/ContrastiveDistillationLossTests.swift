import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct ContrastiveDistillationLossTests {
  private let classes = (0..<30).map { $0 * 7 % 4 }
  private let places = [3, 17, 0, 29, 8]
  private let student = hashFilled("student", [5, 6], scale: 2)
  private let teacher = hashFilled("teacher", [5, 6], scale: 2)

  private func fresh(_ classes: [Int]? = nil, seed: UInt64 = 7) -> ContrastiveDistillationLoss {
    ContrastiveDistillationLoss(images: 30, width: 6, classes: classes, negatives: 12, seed: seed)
  }

  @Test func `the loss is the noise-contrastive estimation of both sides`() {
    var loss = fresh(classes)
    let banks = (student: doubles(loss.studentBank), teacher: doubles(loss.teacherBank))
    let drawn = places.map { [$0] + loss.images(comparedWith: $0, step: 4) }
    var normalizers: [Double] = []
    func side(_ rows: [[Double]], _ bank: [[Double]]) -> Double {
      let x = zip(rows, drawn).map { v, images in
        images.map { exp(dot(unit(v), bank[$0]) / Double(Float(0.07))) }
      }
      let (z, c) = (30 * mean(x.flatMap { $0 }), 12.0 / 30)
      normalizers.append(z)
      return mean(
        x.map { row in
          let p = row.map { $0 / z }
          return p.dropFirst().reduce(-log(p[0] / (p[0] + c))) { $0 - log(c / ($1 + c)) }
        })
    }
    let expected = side(doubles(student), banks.teacher) + side(doubles(teacher), banks.student)
    let found = loss(student: Variable(student), teacher: Variable(teacher), places: places, step: 4)
    #expect(isNear(found.scalar, expected, 1e-5))
    for (a, b) in zip(loss.normalizers.array, normalizers) { #expect(isNear(a, b, 1e-5)) }
  }

  @Test func `its gradients by both embeddings are slopes of the loss, each alone too`() {
    var started = fresh()
    _ = started(student: Variable(student), teacher: Variable(teacher), places: places, step: 0)
    for tracked in [[0, 1], [0], [1]] {
      let check = GradientCheck(
        inputs: [student, teacher], weights: { Tensor(repeating: 0.02, $0) }, tracked: tracked, step: 1e-2
      ) {
        var loss = started
        return loss(student: $0[0], teacher: $0[1], places: places, step: 1)
      }
      for error in check.errors { #expect(error < 2e-3) }
    }
  }

  @Test func `normalizers are those of the first batch from then on`() {
    var loss = fresh()
    #expect(loss.normalizers.array == [0, 0])
    _ = loss(student: Variable(student), teacher: Variable(teacher), places: places, step: 0)
    let first = loss.normalizers.array
    loss.didStep()
    _ = loss(student: Variable(teacher), teacher: Variable(student), places: places, step: 1)
    #expect(loss.normalizers.array == first && first.allSatisfy { $0 > 0 })
  }

  @Test func `a step moves the banks' rows of the batch toward its embeddings, and no others`() {
    var loss = fresh()
    let before = (doubles(loss.studentBank), doubles(loss.teacherBank))
    _ = loss(student: Variable(student), teacher: Variable(teacher), places: places, step: 0)
    #expect(doubles(loss.studentBank) == before.0)
    loss.didStep()
    for (old, new, rows) in [
      (before.0, doubles(loss.studentBank), doubles(student)),
      (before.1, doubles(loss.teacherBank), doubles(teacher)),
    ] {
      for image in 0..<30 {
        guard let row = places.firstIndex(of: image) else {
          #expect(new[image] == old[image])
          continue
        }
        let expected = unit(zip(old[image], unit(rows[row])).map { 0.5 * $0 + 0.5 * $1 })
        for (a, b) in zip(new[image], expected) { #expect(abs(a - b) < 1e-6) }
      }
    }
    let moved = loss.studentBank.array
    loss.didStep()
    #expect(loss.studentBank.array == moved)
  }

  @Test func `an image is compared with other images, of other classes where they are known`() {
    for step in 0..<20 {
      for place in [0, 13, 29] {
        #expect(!fresh().images(comparedWith: place, step: step).contains(place))
        let drawn = fresh(classes).images(comparedWith: place, step: step)
        #expect(drawn.count == 12 && drawn.allSatisfy { classes[$0] != classes[place] })
      }
    }
    let loss = ContrastiveDistillationLoss(images: 30, width: 6, classes: classes, negatives: 3000, seed: 1)
    let seen = loss.images(comparedWith: 5, step: 0)
    let others = (0..<30).filter { classes[$0] != classes[5] }
    #expect(Set(seen) == Set(others))
    let counts = others.map { image in seen.count { $0 == image } }
    let usual = 3000 / others.count
    #expect(counts.allSatisfy { $0 > usual / 2 && $0 < usual * 2 })
  }

  @Test func `what is drawn is a function of seed, step and image`() {
    let drawn = fresh().images(comparedWith: 4, step: 9)
    #expect(drawn == fresh().images(comparedWith: 4, step: 9))
    #expect(drawn != fresh().images(comparedWith: 4, step: 10))
    #expect(drawn != fresh().images(comparedWith: 5, step: 9))
    #expect(drawn != fresh(seed: 8).images(comparedWith: 4, step: 9))
    let banks = [fresh().studentBank.array, fresh().teacherBank.array, fresh(seed: 8).studentBank.array]
    #expect(Set(banks).count == 3)
  }

  @Test func `a restored loss goes on as the one that was saved`() {
    var saved = fresh()
    _ = saved(student: Variable(student), teacher: Variable(teacher), places: places, step: 0)
    saved.didStep()
    let state = Dictionary(uniqueKeysWithValues: saved.state.map { ($0.name, $0.tensor) })
    var restored = fresh()
    restored.restore(
      studentBank: state["studentBank"]!, teacherBank: state["teacherBank"]!,
      normalizers: state["normalizers"]!)
    let losses = [
      saved(student: Variable(teacher), teacher: Variable(student), places: places, step: 1).scalar,
      restored(student: Variable(teacher), teacher: Variable(student), places: places, step: 1).scalar,
    ]
    saved.didStep()
    restored.didStep()
    #expect(losses[0] == losses[1] && saved.teacherBank.array == restored.teacherBank.array)
  }

  @Test func `without settings there are 16384 negatives, or all images but one`() {
    #expect(ContrastiveDistillationLoss(images: 50, width: 2, seed: 1).negatives == 49)
    #expect(ContrastiveDistillationLoss(images: 20000, width: 2, seed: 1).negatives == 16384)
  }

  @Test func `embeddings of length 0 and equal ones give finite numbers`() {
    for (s, t) in [(Tensor(repeating: 0, [5, 6]), teacher), (student, student)] {
      let result = GradientCheck.gradients(inputs: [s, t], weights: { Tensor(repeating: 1, $0) }) {
        var loss = fresh()
        return loss(student: $0[0], teacher: $0[1], places: places, step: 0)
      }
      #expect(result.value.scalar.isFinite)
      #expect(result.gradients.allSatisfy { $0.array.allSatisfy { $0.isFinite } })
    }
  }

  @Test func `one, two and three threads give the same bits`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        var loss = ContrastiveDistillationLoss(images: 200, width: 24, seed: 3)
        let result = GradientCheck.gradients(
          inputs: [hashFilled("student", [40, 24]), hashFilled("teacher", [40, 24])],
          weights: { Tensor(repeating: 1, $0) }
        ) { loss(student: $0[0], teacher: $0[1], places: Array(80..<120), step: 2) }
        loss.didStep()
        return result.value.array + result.gradients.flatMap { $0.array } + loss.studentBank.array
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
