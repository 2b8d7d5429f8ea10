#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Double-precision elementary functions for code outside the hot loops (which use `CKernels`).
package func logarithm(_ x: Double) -> Double { log(x) }
package func cosine(_ x: Double) -> Double { cos(x) }
package func sine(_ x: Double) -> Double { sin(x) }
package func exponential(_ x: Double) -> Double { exp(x) }
