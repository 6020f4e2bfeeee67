/// What the program says of itself.
enum Program {
    /// Each run records it.
    static let version = "0.1.0"
}
