import CKernels

/// A weight matrix `[outputs, inputs]` of narrow numbers, in the order in which products read it: panels of 16 outputs, in which groups of 32 bits, of
/// inputs that are multiplied and added together, lie side by side.
struct Panels {
    let (outputs, inputs): (Int, Int)
    /// How many inputs make a group: 4 of 8 bits, 2 of 16.
    let inputsPerGroup: Int
    /// Its elements are the groups, 32 bits each.
    private var memory: FloatBuffer

    /// The number of outputs of a panel.
    static var width: Int { CK_PANEL }

    /// How many panels so many outputs fill.
    static func count(_ outputs: Int) -> Int { (outputs + width - 1) / width }

    /// - Parameter memory: panels as they lie in a file; nil: panels of zeros
    init(outputs: Int, inputs: Int, inputsPerGroup: Int, in memory: FloatBuffer? = nil) {
        (self.outputs, self.inputs, self.inputsPerGroup) = (outputs, inputs, inputsPerGroup)
        let size = Self.count(outputs) * Self.width * ((inputs + inputsPerGroup - 1) / inputsPerGroup)
        self.memory = memory ?? FloatBuffer(count: size)
        precondition(self.memory.count == size, "as many groups as the shape says")
    }

    /// The number of panels.
    var count: Int { Self.count(outputs) }
    /// The groups of an output.
    var groups: Int { (inputs + inputsPerGroup - 1) / inputsPerGroup }
    /// The groups of a panel.
    var panelSize: Int { groups * Self.width }

    /// The groups, panel after panel.
    var pointer: UnsafePointer<UInt32> { UnsafeRawPointer(memory.pointer).assumingMemoryBound(to: UInt32.self) }

    mutating func mutablePointer() -> UnsafeMutablePointer<UInt32> {
        UnsafeMutableRawPointer(memory.mutablePointer()).assumingMemoryBound(to: UInt32.self)
    }

    /// The bytes of the groups.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: 4 * memory.count) }
}

/// Calls `body` with the elements of a bias, or of nothing, filled up to a whole number of panels.
func withPadded<Result>(_ bias: Matrix?, _ body: (UnsafePointer<Float>?) -> Result) -> Result {
    guard let bias else { return body(nil) }
    if bias.count % Panels.width == 0 { return body(bias.pointer) }
    return (bias.values + [Float](repeating: 0, count: Panels.width)).withUnsafeBufferPointer { body($0.baseAddress) }
}

/// So many rows of a product are computed at a time: few enough for a processor's cache, and enough to read each panel seldom.
private let rowsAtATime = 48

/// Splits a product with panels among threads: its rows, or its panels where there are few rows. `body` is called with some rows at a time, and with memory
/// for so many words for each of them.
func splitPanels(
    rows: Int, of weight: Panels, wordsPerRow: Int, on workers: Workers,
    _ body: (_ rows: Range<Int>, _ panels: Range<Int>, _ memory: UnsafeMutablePointer<UInt32>) -> Void
) {
    if rows > rowsAtATime {
        return splitRows(rows, wordsPerRow: wordsPerRow, on: workers) { body($0, 0..<weight.count, $1) }
    }
    withMemory(words: rows * wordsPerRow, forEach: workers) { memory in
        workers.split(weight.count) { worker, part in body(0..<rows, part, memory(worker)) }
    }
}

/// Splits rows among threads. `body` is called with some rows at a time, and with memory for so many words for each of them, and some more.
func splitRows(
    _ rows: Int, wordsPerRow: Int, more: Int = 0, on workers: Workers,
    _ body: (_ rows: Range<Int>, _ memory: UnsafeMutablePointer<UInt32>) -> Void
) {
    withMemory(words: min(rows, rowsAtATime) * wordsPerRow + more, forEach: workers) { memory in
        workers.split(rows, grain: 16) { worker, part in
            for first in stride(from: part.lowerBound, to: part.upperBound, by: rowsAtATime) {
                body(first..<min(first + rowsAtATime, part.upperBound), memory(worker))
            }
        }
    }
}

/// Calls `body` with a function that has for each of the threads so many words of memory, from the beginning of a cache line on.
private func withMemory(
    words: Int, forEach workers: Workers, _ body: ((_ worker: Int) -> UnsafeMutablePointer<UInt32>) -> Void
) {
    let line = 64
    let size = (4 * words + line - 1) / line * line
    withUnsafeTemporaryAllocation(byteCount: workers.count * size, alignment: line) { memory in
        body { (memory.baseAddress! + $0 * size).bindMemory(to: UInt32.self, capacity: words) }
    }
}
