import CKernels
import Foundation

/// What multiplies matrices of Float32.
///
/// Products of narrower numbers, once there are some, are cases of a type beside this one, in a file of their own.
package enum Products: String, CaseIterable, Sendable {
    /// Tiles that read the weights as they stand (`ck_gemm`), made for the registers of AVX2 and AVX-512.
    case tiles
    /// OpenBLAS, which has kernels for every processor, on a single thread in each of ours.
    case openblas

    /// What suits this processor.
    package static let suitable: Products = ck_has_tiles() != 0 ? .tiles : .openblas

    /// What the environment demands, else what suits this processor.
    package static let chosen = (try? demanded()) ?? suitable

    /// What the variable `ADDNORM_PRODUCTS` demands; nil if it is empty or not set.
    ///
    /// - Throws: ``UnknownProducts``
    package static func demanded(
        by environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(UnknownProducts) -> Products? {
        guard let name = environment["ADDNORM_PRODUCTS"], !name.isEmpty else { return nil }
        guard let products = Products(rawValue: name) else { throw UnknownProducts(name: name) }
        return products
    }
}

/// The environment demands products that do not exist.
package struct UnknownProducts: Error, CustomStringConvertible {
    let name: String

    /// What is wrong, and what to do.
    package var description: String {
        let names = Products.allCases.map(\.rawValue).joined(separator: " or ")
        return "The environment variable ADDNORM_PRODUCTS is '\(name)', but must be \(names). "
            + "Without it, products are chosen for the processor."
    }
}
