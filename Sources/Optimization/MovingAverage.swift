import EmanateNetworks

/// A network that follows another as its exponential moving average, θ ← μ θ + (1 − μ) θ_student (Tarvainen and Valpola
/// 2017, arXiv:1703.01780), moved in the optimizer's own sweep over the weights.
public struct MovingAverage {
  /// The network that follows; laid out as the one it follows.
  public let store: ParameterStore
  /// The share of the old weights that is kept, μ.
  public let momentum: Double

  /// `store` follows with this momentum.
  public init(_ store: ParameterStore, momentum: Double) { (self.store, self.momentum) = (store, momentum) }
}
