import EmanateImages

/// Colours for a number between 0 and 1, evenly spaced to the eye: matplotlib's inferno and viridis (van der Walt and Smith
/// 2015, in the public domain), or plain grey.
public enum ColorMap: String, Sendable, CaseIterable {
  /// From black over red to yellow.
  case inferno
  /// From violet over green to yellow.
  case viridis
  /// From black to white.
  case gray

  /// The colour of a value; what lies outside 0...1 is taken as the nearer end. Between 33 of the 256 published colours it is
  /// linear, at most two levels off.
  public func callAsFunction(_ value: Double) -> Color {
    let stops = stops
    let place = min(max(value.isNaN ? 0 : value, 0), 1) * Double(stops.count - 1)
    let first = min(Int(place), stops.count - 2)
    let share = place - Double(first)
    func level(_ shift: UInt32) -> UInt8 {
      let (a, b) = (Double(stops[first] >> shift & 0xFF), Double(stops[first + 1] >> shift & 0xFF))
      return UInt8((a + (b - a) * share).rounded())
    }
    return Color(red: level(16), green: level(8), blue: level(0))
  }

  private var stops: [UInt32] {
    switch self {
    case .inferno: Self.infernoStops
    case .viridis: Self.viridisStops
    case .gray: [0x000000, 0xFFFFFF]
    }
  }

  private static let infernoStops: [UInt32] = [
    0x000004, 0x040312, 0x0B0724, 0x150B37, 0x210C4A, 0x2E0A5A, 0x3C0965, 0x4A0C6B, 0x57106D, 0x63146E,
    0x70196E, 0x7D1E6D, 0x89226A, 0x962766, 0xA32B61, 0xAF315C, 0xBB3755, 0xC63E4D, 0xD14644, 0xDB4F3B,
    0xE35932, 0xEB6528, 0xF1711E, 0xF67F14, 0xF98D0A, 0xFB9C06, 0xFCAB0F, 0xFBBA1F, 0xF9CA32, 0xF5D949,
    0xF2E865, 0xF3F586, 0xFCFFA4,
  ]

  private static let viridisStops: [UInt32] = [
    0x440154, 0x470D60, 0x48186A, 0x482374, 0x472D7B, 0x453681, 0x424086, 0x3F4989, 0x3B528B, 0x375A8D,
    0x33638D, 0x2F6A8E, 0x2C728E, 0x297A8E, 0x26818E, 0x23898E, 0x21908C, 0x1F988B, 0x1F9F88, 0x21A685,
    0x28AE80, 0x31B57B, 0x3EBC74, 0x4CC26C, 0x5DC963, 0x6ECE58, 0x82D34C, 0x96D83F, 0xABDC32, 0xC0DF24,
    0xD5E21A, 0xEAE51A, 0xFDE725,
  ]
}
