/// An interpreter of the pickles that `torch.save` writes for state dictionaries, which can do nothing else.
///
/// Python's pickles are programs, which can call any function that they name. This interpreter knows the opcodes that a dictionary of tensors needs, and for
/// names, what stands for them: `collections.OrderedDict`, `torch._utils._rebuild_tensor_v2` and `_rebuild_parameter`, and the types of storages. There is nothing to call
/// behind them: their arguments make an entry of a dictionary, or are refused, as every other name and opcode is.
///
/// No value holds another that holds others in turn, so that nothing can be nested deeply; memory is in proportion to the pickle.
///
/// ### References
/// The opcodes and their meaning in Python's `pickletools.py`; protocol 2 is that of PEP 307.
package struct Unpickler {
    /// What can be named.
    private enum Global {
        case orderedDictionary, rebuildTensor, rebuildParameter
        case storage(StorageView.StorageType)

        init?(_ name: String) {
            switch name {
            case "collections.OrderedDict": self = .orderedDictionary
            case "torch._utils._rebuild_tensor_v2": self = .rebuildTensor
            case "torch._utils._rebuild_parameter": self = .rebuildParameter
            default:
                guard name.hasPrefix("torch."),
                    let type = StorageView.StorageType(rawValue: String(name.dropFirst("torch.".count)))
                else { return nil }
                self = .storage(type)
            }
        }
    }

    /// A dictionary, of which tensors alone are kept. What is read of it and what is remembered is the same one.
    private final class Entries {
        var tensors: [String: StorageView] = [:]
        /// The key of a value that is no tensor.
        var other: String?
    }

    private enum Value {
        case bool
        case integer(Int)
        case text(String)
        case global(Global)
        case dictionary(Entries)
        /// A tuple of integers, or the empty one.
        case sizes([Int])
        /// A tuple of values of which none is such a tuple itself.
        case arguments([Value])
        indirect case storage(StorageView.Storage)
        indirect case tensor(StorageView)
    }

    /// The most values that wait at a time; Python adds at most 1,000 entries to a dictionary at once.
    private static let mostValues = 10_000

    private let bytes: [UInt8]
    private var place = 0
    private var stack: [Value] = []
    /// How many values lie below each mark.
    private var marks: [Int] = []
    private var memo: [UInt32: Value] = [:]

    /// The tensors of a state dictionary.
    ///
    /// - Throws: ``ModelError``, without the file's name, that names what no dictionary of tensors needs, or says what is damaged.
    package static func tensors(_ pickle: [UInt8]) throws -> [String: StorageView] {
        var unpickler = Unpickler(bytes: pickle)
        return try unpickler.run()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func run() throws -> [String: StorageView] {
        guard try take(1) == [0x80] else { throw ModelError("is no pickle") }
        let version = try number(UInt8.self)
        guard version == 2 else { throw ModelError("is of the pickle protocol \(version), not 2") }
        while true {
            let opcode = try number(UInt8.self)
            if opcode == UInt8(ascii: ".") { break }
            try step(opcode)
        }
        guard place == bytes.count, case .dictionary(let entries) = try pop(), stack.isEmpty, marks.isEmpty else {
            throw ModelError("is no dictionary of tensors")
        }
        if let other = entries.other { throw ModelError("has '\(other.prefix(100))', which is no tensor") }
        return entries.tensors
    }

    /// Does what an opcode says.
    private mutating func step(_ opcode: UInt8) throws {
        switch opcode {
        case 0x88, 0x89: try push(.bool)
        case UInt8(ascii: "K"): try push(.integer(Int(number(UInt8.self))))
        case UInt8(ascii: "M"): try push(.integer(Int(number(UInt16.self))))
        case UInt8(ascii: "J"): try push(.integer(Int(number(Int32.self))))
        case 0x8A: try push(.integer(longInteger()))
        case UInt8(ascii: "X"): try push(.text(text(Int(number(UInt32.self)))))
        case UInt8(ascii: "c"): try push(.global(global()))
        case UInt8(ascii: "}"): try push(.dictionary(Entries()))
        case UInt8(ascii: ")"): try push(.sizes([]))
        case 0x85...0x87: try pushTuple(popLast(Int(opcode) - 0x84))
        case UInt8(ascii: "t"): try pushTuple(popMarked())
        case UInt8(ascii: "("):
            guard marks.count < Self.mostValues else { throw Self.tooMany }
            marks.append(stack.count)
        case UInt8(ascii: "q"): try remember(UInt32(number(UInt8.self)))
        case UInt8(ascii: "r"): try remember(number(UInt32.self))
        case UInt8(ascii: "h"): try push(remembered(UInt32(number(UInt8.self))))
        case UInt8(ascii: "j"): try push(remembered(number(UInt32.self)))
        case UInt8(ascii: "Q"): try push(.storage(Self.storage(pop())))
        case UInt8(ascii: "R"):
            let arguments = try pop()
            try push(Self.call(pop(), arguments))
        case UInt8(ascii: "s"): try Self.addEntries(popLast(2), to: stack.last)
        case UInt8(ascii: "u"): try Self.addEntries(popMarked(), to: stack.last)
        case UInt8(ascii: "b"):
            // The attributes of a state dictionary are the versions of its modules, which say nothing of tensors.
            guard case .dictionary = try pop(), case .dictionary = stack.last else {
                throw ModelError("gives a state to what is no dictionary")
            }
        default: throw refusal(of: opcode)
        }
    }

    // MARK: What a dictionary of tensors needs

    /// What a function that is named makes of its arguments.
    private static func call(_ function: Value, _ arguments: Value) throws -> Value {
        guard case .global(let global) = function else { throw ModelError("calls what is no function") }
        switch (global, arguments) {
        case (.orderedDictionary, .sizes([])): return .dictionary(Entries())
        case (.rebuildTensor, .arguments(let list)):
            guard list.count == 6, case .storage(let storage) = list[0], case .integer(let offset) = list[1],
                case .sizes(let shape) = list[2], case .sizes(let strides) = list[3], shape.count == strides.count,
                case .bool = list[4], case .dictionary = list[5]
            else { break }
            return .tensor(StorageView(storage: storage, offset: offset, shape: shape, strides: strides))
        case (.rebuildParameter, .arguments(let list)):
            guard list.count == 3, case .tensor = list[0], case .bool = list[1], case .dictionary = list[2]
            else { break }
            return list[0]
        default: break
        }
        throw ModelError("calls a function with arguments that no tensor needs")
    }

    /// What a tuple of a word, a type, a key, a device and a number of elements stands for; the device is of no account.
    private static func storage(_ id: Value) throws -> StorageView.Storage {
        guard case .arguments(let list) = id, list.count == 5, case .text("storage") = list[0],
            case .global(.storage(let type)) = list[1], case .text(let key) = list[2], case .text = list[3],
            case .integer(let count) = list[4], count >= 0
        else { throw ModelError("names a storage otherwise than PyTorch does") }
        return StorageView.Storage(type: type, key: key, count: count)
    }

    /// Adds keys and values, in turn, to a dictionary.
    private static func addEntries(_ items: [Value], to dictionary: Value?) throws {
        guard items.count % 2 == 0, case .dictionary(let entries) = dictionary else {
            throw ModelError("adds entries to what is no dictionary")
        }
        for index in stride(from: 0, to: items.count, by: 2) {
            guard case .text(let key) = items[index] else { throw ModelError("has a key that is no text") }
            guard case .tensor(let tensor) = items[index + 1] else {
                entries.other = entries.other ?? key
                continue
            }
            guard entries.tensors.updateValue(tensor, forKey: key) == nil else {
                throw ModelError("has two tensors '\(key.prefix(100))'")
            }
        }
    }

    private mutating func pushTuple(_ values: [Value]) throws {
        let integers = values.compactMap { if case .integer(let integer) = $0 { integer } else { nil as Int? } }
        if integers.count == values.count { return try push(.sizes(integers)) }
        for case .arguments in values { throw ModelError("has tuples in tuples in tuples") }
        try push(.arguments(values))
    }

    /// Two lines, a module and a name in it.
    private mutating func global() throws -> Global {
        let name = try "\(line()).\(line())"
        guard let global = Global(name) else { throw Self.refusal(of: "'\(name)'") }
        return global
    }

    private static func refusal(of what: String) -> ModelError {
        ModelError("asks for \(what), which no tensor needs")
    }

    /// Refuses an opcode, by the name that it has if it is one of those that run something.
    private mutating func refusal(of opcode: UInt8) -> ModelError {
        let running: [UInt8: String] = [
            UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", UInt8(ascii: "P"): "PERSID", 0x81: "NEWOBJ",
            0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL",
        ]
        let position = place - 1
        var what = running[opcode] ?? "0x" + String(opcode, radix: 16)
        // What such an opcode would run stands behind it, or on the stack.
        if opcode == UInt8(ascii: "i"), let module = try? line(), let name = try? line() {
            what += " of '\(module).\(name)'"
        }
        if opcode == 0x93, case .text(let name)? = try? pop(), case .text(let module)? = try? pop() {
            what += " of '\(module.prefix(100)).\(name.prefix(100))'"
        }
        return Self.refusal(of: "the opcode \(what) at byte \(position)")
    }

    // MARK: Stack and memo

    private static let tooMany = ModelError("has more than \(mostValues) values at a time")

    private mutating func push(_ value: Value) throws {
        guard stack.count < Self.mostValues else { throw Self.tooMany }
        stack.append(value)
    }

    private mutating func pop() throws -> Value { try popLast(1)[0] }

    /// The last values, which lie above the last mark.
    private mutating func popLast(_ count: Int) throws -> [Value] {
        guard stack.count - (marks.last ?? 0) >= count else { throw ModelError("takes more values than there are") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popMarked() throws -> [Value] {
        guard let mark = marks.popLast() else { throw ModelError("takes more values than there are") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func remember(_ key: UInt32) throws {
        let value = try pop()
        stack.append(value)
        memo[key] = value
    }

    private func remembered(_ key: UInt32) throws -> Value {
        guard let value = memo[key] else { throw ModelError("recalls what it has not remembered") }
        return value
    }

    // MARK: Bytes

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= bytes.count - place else { throw ModelError("ends too early") }
        defer { place += count }
        return bytes[place..<place + count]
    }

    /// A number in little-endian order.
    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        try take(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A number of as many bytes as the first of them says, in two's complement; PyTorch has those that need more than four.
    private mutating func longInteger() throws -> Int {
        let digits = try take(Int(number(UInt8.self)))
        guard digits.count <= 8 else { throw ModelError("has an integer of \(digits.count) bytes") }
        let magnitude = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let unused = 64 - 8 * digits.count
        return digits.isEmpty ? 0 : Int(Int64(bitPattern: magnitude << unused) >> unused)
    }

    private mutating func text(_ count: Int) throws -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw ModelError("has a text that is not valid UTF-8")
        }
        return text
    }

    /// A line of a name.
    private mutating func line() throws -> String {
        guard let length = bytes[place...].prefix(201).firstIndex(of: UInt8(ascii: "\n")).map({ $0 - place }) else {
            throw ModelError("has a name that does not end")
        }
        defer { place += 1 }
        return try text(length)
    }
}
