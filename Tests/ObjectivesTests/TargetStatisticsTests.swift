import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct TargetStatisticsTests {
  private func entropy(_ p: [Double]) -> Double { -p.reduce(0) { $1 > 0 ? $0 + $1 * log($1) : $0 } }

  @Test(arguments: [Centering.ema, .sinkhorn, .off], [5, 37, 5000])
  func `statistics are those of the targets, in one part or in three`(
    centering: Centering, prototypes: Int
  ) throws {
    let logits = hashFilled("logits", [6, prototypes], scale: 0.3)
    var targets = TeacherTargets(prototypes: prototypes, centering: centering)
    #expect(targets.statistics == nil)
    let whole = targets(logits, temperature: 0.1)
    let rows = (0..<6).map { whole.array[$0 * prototypes..<($0 + 1) * prototypes].map(Double.init) }
    let mean = (0..<prototypes).map { place in rows.reduce(0) { $0 + $1[place] } / 6 }
    let found = try #require(targets.statistics)
    #expect(found.prototypes == prototypes)
    #expect(abs(found.meanEntropy - rows.map(entropy).reduce(0, +) / 6) < 1e-5)
    #expect(abs(found.entropyOfMean - entropy(mean)) < 1e-5)
    #expect(found.favourites == rows.map { row in row.firstIndex(of: row.max()!)! })
    #expect(found.information == found.entropyOfMean - found.meanEntropy)
    if centering == .sinkhorn { return }
    // The second batch begins anew, with the center of the first.
    var divided = TeacherTargets(prototypes: prototypes, centering: centering)
    for _ in 0..<2 {
      _ = targets(logits, temperature: 0.1)
      targets.note(logits)
      for part in [0..<1, 1..<4, 4..<6] {
        _ = divided(logits[rows: part], temperature: 0.1)
        divided.note(logits[rows: part])
      }
      let (one, three) = (try #require(targets.statistics), try #require(divided.statistics))
      #expect(three.favourites == one.favourites)
      #expect(abs(three.meanEntropy - one.meanEntropy) < 1e-6)
      #expect(abs(three.entropyOfMean - one.entropyOfMean) < 1e-6)
      targets.moveCenter()
      divided.moveCenter()
    }
  }

  @Test func `the loss less the targets' entropy is the divergence of the student from the teacher`() throws {
    let (student, teacher) = (
      hashFilled("student", [8, 12], scale: 0.4), hashFilled("teacher", [4, 12], scale: 0.4)
    )
    var loss = DINOLoss(prototypes: 12, centering: .off)
    #expect(loss.measures.isEmpty)
    let value = Double(
      loss(student: Variable(student), teacher: teacher, globalViews: 2, teacherTemperature: 0.05).scalar)
    func softmax(_ x: ArraySlice<Float>, _ t: Double) -> [Double] {
      let e = x.map { exp(Double($0) / t) }
      return e.map { $0 / e.reduce(0, +) }
    }
    let p = (0..<4).map { softmax(teacher.array[$0 * 12..<($0 + 1) * 12], 0.05) }
    let q = (0..<8).map { softmax(student.array[$0 * 12..<($0 + 1) * 12], 0.1) }
    var (divergence, pairs) = (0.0, 0.0)
    for view in 0..<4 {
      for other in 0..<2 where other != view {
        for image in 0..<2 {
          let (a, b) = (p[other * 2 + image], q[view * 2 + image])
          divergence += zip(a, b).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
          pairs += 1
        }
      }
    }
    let measures = Dictionary(uniqueKeysWithValues: loss.measures.map { ($0.name, $0.value) })
    #expect(abs(try #require(measures["teacherStudentKL"]) - divergence / pairs) < 1e-5)
    #expect(abs(try #require(measures["lossOverLogPrototypes"]) - value / log(12)) < 1e-6)
    #expect(measures["meanTargetEntropy"] == loss.targets.statistics?.entropyOfMean)
  }
}
