import EmanateKernels
import Testing

@Suite struct ElementaryTests {
  @Test func `exponential and logarithm undo each other`() {
    for x in [-3.0, 0, 0.5, 20] { #expect(abs(logarithm(exponential(x)) - x) < 1e-12) }
  }

  @Test func `the cosine of a half turn is minus one`() { #expect(cosine(.pi) == -1) }
}
