/// A tensor of a pickled state dictionary: a view of a storage, whose numbers are not in the pickle.
package struct StorageView {
    /// A type of numbers, by the class that PyTorch has for storages of it.
    enum StorageType: String {
        case float32 = "FloatStorage"
        case float16 = "HalfStorage"
        case bfloat16 = "BFloat16Storage"
        case float64 = "DoubleStorage"
        case int64 = "LongStorage"
        case int32 = "IntStorage"
        case int16 = "ShortStorage"
        case int8 = "CharStorage"
        case uint8 = "ByteStorage"
        case bool = "BoolStorage"

        /// The name that safetensors has for the type, and the size of a number in bytes.
        var dtype: (name: String, size: Int) {
            switch self {
            case .float32: ("F32", 4)
            case .float16: ("F16", 2)
            case .bfloat16: ("BF16", 2)
            case .float64: ("F64", 8)
            case .int64: ("I64", 8)
            case .int32: ("I32", 4)
            case .int16: ("I16", 2)
            case .int8: ("I8", 1)
            case .uint8: ("U8", 1)
            case .bool: ("BOOL", 1)
            }
        }
    }

    /// What tensors can share.
    struct Storage {
        let type: StorageType
        /// The name of its record.
        let key: String
        /// The number of elements.
        let count: Int
    }

    let storage: Storage
    /// The element of the storage at which it begins.
    let offset: Int
    let shape: [Int]
    /// How many elements of the storage further the next one of each dimension is.
    let strides: [Int]
}
