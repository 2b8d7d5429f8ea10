/// The version of this program and library, for `--version` and for files that say what wrote them.
public enum ProgramVersion {
  /// Three numbers, as semantic versions have them.
  public static let number = "0.1.0"
}
