import Foundation

/// A message of Protocol Buffers, field by field (the encoding of <https://protobuf.dev/programming-guides/encoding/>).
struct ProtocolBuffer {
    private(set) var bytes = Data()

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(_ field: Int, _ value: Int) {
        append(varint: UInt64(field) << 3)
        append(varint: UInt64(bitPattern: Int64(value)))
    }

    mutating func append(_ field: Int, _ value: Float) {
        append(varint: UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ field: Int, _ value: Data) {
        append(varint: UInt64(field) << 3 | 2)
        append(varint: UInt64(value.count))
        bytes.append(value)
    }

    mutating func append(_ field: Int, _ value: String) { append(field, Data(value.utf8)) }

    /// A message within the message.
    mutating func append(_ field: Int, _ body: (inout ProtocolBuffer) -> Void) {
        var message = ProtocolBuffer()
        body(&message)
        append(field, message.bytes)
    }
}
