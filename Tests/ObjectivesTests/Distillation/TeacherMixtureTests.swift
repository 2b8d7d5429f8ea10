import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct TeacherMixtureTests {
  private let teachers = (0..<3).map { hashFilled("teacher.\($0)", [4, 5], scale: 3) }
  private let labels = [0, 4, 2, 2]

  private func soft(_ z: Tensor, _ T: Double) -> [[Double]] { doubles(z).map { softened($0, T) } }

  @Test func `a plain and a weighted mean are those of the teachers' probabilities`() {
    for (weighting, weights) in [
      (TeacherMixture.Weighting.mean, [1 / 3, 1 / 3, 1 / 3]), (.given([2, 0, 6]), [0.25, 0, 0.75]),
    ] as [(TeacherMixture.Weighting, [Double])] {
      let found = doubles(TeacherMixture(weighting, temperature: 2)(logits: teachers))
      for row in 0..<4 {
        for c in 0..<5 {
          let expected = (0..<3).reduce(0) { $0 + weights[$1] * soft(teachers[$1], 2)[row][c] }
          #expect(abs(found[row][c] - expected) < 1e-7)
        }
      }
    }
  }

  @Test func `confidence is CA-MKD's: what a teacher's cross-entropy leaves of all of them`() {
    let mixture = TeacherMixture(.confidence, temperature: 4)
    let found = doubles(mixture.weights(logits: teachers, labels: labels))
    let mixed = doubles(mixture(logits: teachers, labels: labels))
    for row in 0..<4 {
      let powers = teachers.map { exp(-log(soft($0, 1)[row][labels[row]])) }
      let weights = powers.map { (1 - $0 / powers.reduce(0, +)) / 2 }
      #expect(abs(weights.reduce(0, +) - 1) < 1e-12)
      for k in 0..<3 { #expect(abs(found[k][row] - weights[k]) < 1e-6) }
      for c in 0..<5 {
        let expected = (0..<3).reduce(0) { $0 + weights[$1] * soft(teachers[$1], 4)[row][c] }
        #expect(abs(mixed[row][c] - expected) < 1e-6)
      }
    }
  }

  @Test func `given probabilities are mixed as they are`() {
    let given = teachers.map { Tensor(soft($0, 1).flatMap { $0.map { Float($0) } }, [4, 5]) }
    for weighting in [TeacherMixture.Weighting.mean, .given([1, 2, 3]), .confidence] {
      let found = TeacherMixture(weighting)(probabilities: given, labels: labels)
      let expected = TeacherMixture(weighting, temperature: 1)(logits: teachers, labels: labels)
      #expect(greatestDifference(found, expected) < 1e-6)
    }
  }

  @Test func `a teacher that is surely wrong counts for nothing, and one alone for all`() {
    let wrong = Tensor([0, 900], [1, 2])
    let right = Tensor([2, 0], [1, 2])
    let weights = TeacherMixture(.confidence).weights(logits: [wrong, right], labels: [0]).array
    #expect(weights == [0, 1])
    #expect(TeacherMixture(.confidence).weights(logits: [wrong], labels: [0]).array == [1])
    let hard = TeacherMixture(.confidence)(
      probabilities: [Tensor([0, 1], [1, 2]), Tensor([0.9, 0.1], [1, 2])], labels: [0])
    #expect(greatestDifference(hard, Tensor([0.9, 0.1], [1, 2])) < 1e-7)
  }

  @Test func `a student's gradient against the mixture is the weighted sum of those against each teacher`() {
    let student = hashFilled("student", [4, 5], scale: 3)
    func gradient(_ probabilities: Tensor) -> [Float] {
      GradientCheck.gradients(inputs: [student], weights: { Tensor(repeating: 1, $0) }) {
        DistillationLoss()(student: $0[0], probabilities: probabilities)
      }.gradients[0].array
    }
    let mixed = gradient(TeacherMixture()(logits: teachers))
    let each = teachers.map { gradient(TeacherMixture()(logits: [$0])) }
    for (place, slope) in mixed.enumerated() {
      #expect(abs(slope - each.reduce(0) { $0 + $1[place] } / 3) < 1e-6)
    }
  }

  @Test func `one, two and three threads give the same bits`() {
    let many = (0..<3).map { hashFilled("teacher.\($0)", [90, 12], scale: 3) }
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        TeacherMixture(.confidence)(logits: many, labels: (0..<90).map { $0 % 12 }).array
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
