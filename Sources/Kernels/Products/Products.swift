import CKernels
import Foundation

/// What multiplies matrices of Float32.
package enum Products: String, CaseIterable, Sendable {
    /// Tiles that read the weights as they stand (`ck_gemm`), made for the registers of AVX2 and AVX-512.
    case tiles
    /// OpenBLAS, which has kernels for every processor, on a single thread in each of ours.
    case openblas

    /// What suits this processor.
    package static let suitable: Products = ck_has_tiles() != 0 ? .tiles : .openblas

    /// What the environment demands, else what suits this processor.
    package static let chosen = (try? DemandedProducts())?.float32 ?? suitable
}

/// The instructions that multiply bytes. Sums of integers are exact: all compute the same.
package enum Int8Products: String, CaseIterable, Sendable {
    /// AVX-512 VNNI: four products and their sum at once.
    case vnni
    /// AVX-512 without it: numbers are widened to 16 bits, and multiplied and added in pairs.
    case avx512
    /// The same by AVX2.
    case avx2
    /// What the compiler makes of loops.
    case plain

    var path: ck_int8_path {
        switch self {
        case .vnni: CK_VNNI
        case .avx512: CK_AVX512
        case .avx2: CK_AVX2
        case .plain: CK_PLAIN
        }
    }

    /// Whether this processor has them.
    package var isAvailable: Bool { ck_has_int8(path) != 0 }

    /// The fastest of this processor.
    package static let suitable = allCases.first(where: \.isAvailable) ?? .plain

    /// What the environment demands, else what suits this processor.
    package static let chosen = (try? DemandedProducts())?.int8 ?? suitable
}

/// What the variable `ADDNORM_PRODUCTS` of the environment demands: one kind of products, of Float32 or of 8 bits.
package struct DemandedProducts {
    /// Nil: none is demanded.
    package private(set) var float32: Products?
    /// Nil: none is demanded.
    package private(set) var int8: Int8Products?

    /// - Throws: ``UnknownProducts`` if there are no such products, or not on this processor.
    package init(
        of environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(UnknownProducts) {
        guard let name = environment["ADDNORM_PRODUCTS"], !name.isEmpty else { return }
        (float32, int8) = (Products(rawValue: name), Int8Products(rawValue: name))
        guard float32 != nil || int8?.isAvailable == true else {
            throw UnknownProducts(name: name, isKnown: int8 != nil)
        }
    }
}

/// The environment demands products that do not exist, or that this processor does not have.
package struct UnknownProducts: Error, CustomStringConvertible {
    let name: String
    let isKnown: Bool

    /// What is wrong, and what to do.
    package var description: String {
        let variable = "The environment variable ADDNORM_PRODUCTS is '\(name)', "
        let remedy = "Without it, products are chosen for the processor."
        if isKnown { return variable + "which this processor does not have. " + remedy }
        let (float32, int8) = (Products.allCases.map(\.rawValue), Int8Products.allCases.map(\.rawValue))
        return variable + "but must be one of \((float32 + int8).joined(separator: ", ")). " + remedy
    }
}
