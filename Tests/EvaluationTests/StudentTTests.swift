import EmanateEvaluation
import Foundation
import Testing

@Suite struct StudentTTests {
  @Test(arguments: [
    (1, 12.706_204_736), (2, 4.302_652_730), (3, 3.182_446_305), (4, 2.776_445_105), (5, 2.570_581_836),
    (9, 2.262_157_163), (10, 2.228_138_852), (29, 2.045_229_642), (30, 2.042_272_456), (100, 1.983_971_519),
    (1000, 1.962_339_081),
  ])
  func `the bounds of 95 % are those of the tables`(degrees: Int, bound: Double) {
    #expect(abs(StudentT(degrees: degrees).bound(of: 0.95) - bound) < 1e-8 * bound)
  }

  @Test func `other shares are those of the tables, and one degree is Cauchy's distribution`() {
    #expect(abs(StudentT(degrees: 4).bound(of: 0.99) - 4.604_094_871) < 1e-8)
    #expect(abs(StudentT(degrees: 7).bound(of: 0.9) - 1.894_578_605) < 1e-8)
    #expect(StudentT(degrees: 3).bound(of: 0) < 1e-12)
    for t in [0.1, 1, 20] {
      #expect(abs(StudentT(degrees: 1).probability(within: t) - 2 / Double.pi * atan(t)) < 1e-15)
      // ν = 2: t / √(2 + t²).
      #expect(abs(StudentT(degrees: 2).probability(within: t) - t / (2 + t * t).squareRoot()) < 1e-15)
    }
  }
}
